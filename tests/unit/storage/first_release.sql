-- A row of everything, as the first release wrote it: spelled out, since the code of today writes
-- other columns.

INSERT INTO users VALUES (
    'id-of-ming', 'ming', '$argon2id$v=19$m=8,t=1,p=1$c2FsdA$aGFzaA', 'active', 3, 1800000000);

INSERT INTO clients VALUES (
    'app', 'An app', NULL, 1, '["refresh_token"]', '["orders:read","notes:read"]',
    '["https://orders.example","https://notes.example"]', 0, 1, 1800000000);

INSERT INTO apis VALUES (
    'https://orders.example', 'An API', 'ES256', '["orders:read"]', 300, 1, 1800000000);

INSERT INTO roles VALUES ('https://orders.example', 'clerk', '["orders:read"]');
INSERT INTO user_roles VALUES ('id-of-ming', 'https://orders.example', 'clerk');
INSERT INTO client_roles VALUES ('app', 'https://orders.example', 'clerk');

INSERT INTO sessions VALUES (
    'session-1', 'id-of-ming', 'app', 1800000000, '["pwd"]', 1800001000, 1800009000, NULL, NULL);
INSERT INTO sessions VALUES (
    'ended', 'id-of-ming', 'app', 1800000000, '[]', 1800001000, 1800009000, 1800000001, 'logout');

INSERT INTO families VALUES (
    X'000102030405060708090A0B0C0D0E0F', 'session-1', 'id-of-ming', 'app',
    'https://orders.example', '["orders:read"]', 7, 1800000000.5, 1800001000, 1800009000, 1, NULL,
    NULL, NULL);

INSERT INTO buckets VALUES ('account:ming', 1.5, 1800000000.25, 0.0);

INSERT INTO keys VALUES (
    'kid-1', 'refresh', 'HS256', 'active', X'007365616C6564FF', 1800000000, '', 1);

INSERT INTO events (kind, at, detail) VALUES ('login.succeeded', 1800000000.5, '{"a":1}');
