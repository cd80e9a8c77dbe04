// A web application that lets people in through an OpenID provider. Knows HTTP and its own cookie;
// what it says to the provider is said by the client library that it is given.
import { randomUUID } from "node:crypto";
import { createServer } from "node:http";

const COOKIE = "application-session";

/** The settings that the test handed over, with the addresses that follow from them. */
export function readSettings() {
  const settings = JSON.parse(process.argv[2]);
  const url = `http://127.0.0.1:${settings.port}`;
  return { ...settings, url, callback: `${url}/callback`, goodbye: `${url}/goodbye` };
}

/**
 * Serve `client`, which has five verbs; each takes what this browser's session remembers:
 * start(session) and leave(session) return the address to send the browser to, finish(session, url)
 * logs in with the address that the provider sent it to, userinfo and refresh return what to show.
 */
export function serve({ port, url }, client) {
  const sessions = new Map();
  const verbs = {
    "/login": async (session) => ({ to: await client.start(session) }),
    "/callback": async (session, here) => {
      await client.finish(session, here);
      return { to: `${url}/claims` };
    },
    "/claims": async (session) => ({ show: session.claims }),
    "/userinfo": async (session) => ({ show: await client.userinfo(session) }),
    "/refresh": async (session) => ({ show: await client.refresh(session) }),
    "/logout": async (session) => ({ to: await client.leave(session) }),
    "/goodbye": async (session, here) => ({
      show: { state: here.searchParams.get("state") === session.logoutState },
    }),
  };

  async function answer(request, response) {
    const here = new URL(request.url, url);
    const verb = verbs[here.pathname];
    if (!verb) return reply(response, 404, { error: "not_found" });
    const id = readCookie(request) ?? randomUUID();
    if (!sessions.has(id)) sessions.set(id, {});
    response.setHeader("set-cookie", `${COOKIE}=${id}; HttpOnly; Path=/; SameSite=Lax`);
    try {
      const { to, show } = await verb(sessions.get(id), here);
      if (!to) return reply(response, 200, show);
      response.writeHead(303, { location: String(to) }).end();
    } catch (error) {
      reply(response, 400, explain(error));
    }
  }

  createServer(answer).listen(port, "127.0.0.1");
}

function explain(error) {
  const { error: code, error_description: description, message, cause } = error;
  return { error: code ?? error.code ?? error.name, description: description ?? message, cause: String(cause) };
}

function readCookie(request) {
  for (const pair of (request.headers.cookie ?? "").split("; "))
    if (pair.startsWith(`${COOKIE}=`)) return pair.slice(COOKIE.length + 1);
}

function reply(response, status, body) {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}
