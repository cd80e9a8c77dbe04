// The JavaScript peer: reads jobs as JSON from standard input, answers each as JSON, in one process.
// A job is {op, jwk, ...}; bytes travel as base64url. A refusal is an answer, not a failure.
import { stdin, stdout } from "node:process";
import {
  CompactEncrypt,
  CompactSign,
  base64url,
  compactDecrypt,
  compactVerify,
  importJWK,
} from "jose";

const operations = {
  async sign({ jwk, header, payload }) {
    const key = await importJWK(jwk, header.alg);
    return new CompactSign(base64url.decode(payload)).setProtectedHeader(header).sign(key);
  },
  async verify({ jwk, alg, token }) {
    const key = await importJWK(jwk, alg);
    const { payload } = await compactVerify(token, key, { algorithms: [alg] });
    return base64url.encode(payload);
  },
  async encrypt({ jwk, header, plaintext }) {
    const { p2c, ...rest } = header;
    const key = await importJWK(jwk, header.alg);
    const sealer = new CompactEncrypt(base64url.decode(plaintext)).setProtectedHeader(rest);
    if (p2c) sealer.setKeyManagementParameters({ p2c });
    return sealer.encrypt(key);
  },
  async decrypt({ jwk, alg, token }) {
    const key = await importJWK(jwk, alg);
    const { plaintext } = await compactDecrypt(token, key, { keyManagementAlgorithms: [alg] });
    return base64url.encode(plaintext);
  },
};

const chunks = [];
for await (const chunk of stdin) chunks.push(chunk);
const answers = [];
for (const job of JSON.parse(Buffer.concat(chunks).toString("utf8"))) {
  try {
    answers.push({ value: await operations[job.op](job) });
  } catch (error) {
    answers.push({ refusal: `${error.code ?? error.name}: ${error.message}` });
  }
}
stdout.write(JSON.stringify(answers));
