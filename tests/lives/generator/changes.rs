//! What happens to whole volumes: what is lost, copied wrongly, formatted over.
