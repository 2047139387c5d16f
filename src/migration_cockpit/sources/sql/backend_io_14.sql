-- Bytes that a backend read and wrote: the server does not tell before PostgreSQL 18.
0
