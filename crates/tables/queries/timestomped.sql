-- Files whose creation time is earlier than the one that their name keeps, or has no fraction of a second: what tools leave
-- that set times back, but also what unpacking and copying leave. So each row has the base rate: which share of the volume's live
-- files looks the same. A sign that most files have says nothing.
SELECT image, volume, path, created, name_created, is_earlier, is_whole_second, earlier_percent, whole_second_percent
FROM (
  SELECT image, volume, path, created, name_created, is_earlier, is_whole_second,
    round(100 * avg(CASE WHEN is_earlier THEN 1.0 ELSE 0.0 END) OVER (PARTITION BY image, volume), 2) AS earlier_percent,
    round(100 * avg(CASE WHEN is_whole_second THEN 1.0 ELSE 0.0 END) OVER (PARTITION BY image, volume), 2)
      AS whole_second_percent
  FROM (
    SELECT image, volume, path, created, name_created,
      created_filetime < name_created_filetime AS is_earlier, created_filetime % 10000000 = 0 AS is_whole_second
    FROM entries
    WHERE state = 'live' AND is_first AND record >= 24 AND created_filetime > 0 AND name_created_filetime > 0
  ) AS files
) AS rated
WHERE is_earlier OR is_whole_second
ORDER BY image, volume, created, path
