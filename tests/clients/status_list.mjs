// Reads a status list that somebody else made: tells the status of the slot that a token points to.
// Given on standard input: {"token", "list", "jwks"}. Signatures are checked by `jose`.
import { getListFromStatusListJWT, getStatusListFromJWT } from '@sd-jwt/jwt-status-list'
import { createLocalJWKSet, jwtVerify } from 'jose'
import { text } from 'node:stream/consumers'

const { token, list, jwks } = JSON.parse(await text(process.stdin))
const keys = createLocalJWKSet(jwks)
await jwtVerify(token, keys, { typ: 'at+jwt' })
const { uri, idx } = getStatusListFromJWT(token)
const { payload } = await jwtVerify(list, keys, { typ: 'statuslist+jwt', subject: uri })
const status = getListFromStatusListJWT(list).getStatus(idx)
process.stdout.write(JSON.stringify({ uri, idx, status, ttl: payload.ttl }))
