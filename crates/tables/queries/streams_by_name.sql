-- Named streams by their names: how many files have one, and how many bytes. `Zone.Identifier` marks downloads; a name
-- that only few files have is worth a look.
SELECT stream, count(*) AS files, sum(size) AS bytes, max(size) AS largest, min(path) AS one_of_them
FROM entries
WHERE stream <> ''
GROUP BY stream
ORDER BY files, bytes DESC, stream
