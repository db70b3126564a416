-- What was deleted in the last hours before a time: the last change of a deleted file's record is its deletion at the latest.
-- Change the two times; in UTC.
SELECT image, volume, record_changed, path, size, verdict
FROM entries
WHERE state = 'deleted' AND is_first AND NOT directory
  AND record_changed BETWEEN timestamp '2022-04-01T00:00:00Z' AND timestamp '2022-06-01T00:00:00Z'
ORDER BY record_changed DESC, image, volume, path
