-- Files of the same name and size on more than one machine, and on few of all: what came over the network, or was copied.
SELECT name, size, count(DISTINCT image) AS images, count(*) AS files, min(created) AS first_created, min(path) AS one_of_them
FROM entries
WHERE stream = '' AND NOT directory AND record >= 24 AND size > 0
GROUP BY name, size
HAVING count(DISTINCT image) > 1
ORDER BY images, size DESC, name
