-- The files that lost most: bytes of their streams that are gone, or another file's, by why.
SELECT r.image, r.volume, r.record, min(e.path) AS path, r.stream, r.verdict,
  sum(r.bytes) AS lost, string_agg(DISTINCT r.standing, ',') AS why
FROM (
  SELECT image, volume, record, sequence, stream, verdict, standing, sum(bytes) AS bytes
  FROM ranges
  WHERE standing NOT IN ('intact', 'zeros', 'free', 'unchecked', 'witnessed')
  GROUP BY image, volume, record, sequence, stream, verdict, standing
) AS r
LEFT JOIN (SELECT image, volume, record, path FROM entries WHERE is_first) AS e
  ON e.image = r.image AND e.volume = r.volume AND e.record = r.record
GROUP BY r.image, r.volume, r.record, r.stream, r.verdict
ORDER BY lost DESC, r.image, r.volume, r.record, r.stream
LIMIT 100
