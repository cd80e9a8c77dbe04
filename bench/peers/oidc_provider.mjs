// npm's oidc-provider as a server on loopback, as quick as its settings let it be: everything in
// memory, nobody asked for consent. Its settings are JSON in the first argument.
import { createRequire } from "node:module";

const require = createRequire(new URL("../../tests/package.json", import.meta.url));
const { Provider } = await import(require.resolve("oidc-provider"));

const { port, algorithm, jwk, client, app } = JSON.parse(process.argv[2]);
const issuer = `http://127.0.0.1:${port}`;
const tokens = {
  audience: undefined,
  scope: "orders:read",
  accessTokenTTL: 300,
};

const provider = new Provider(issuer, {
  jwks: { keys: [jwk] },
  cookies: { keys: ["a key for the cookies of a bench"] },
  clientDefaults: { id_token_signed_response_alg: algorithm },
  enabledJWA: { idTokenSigningAlgValues: [algorithm] },
  clients: [
    {
      client_id: client.id,
      client_secret: client.secret,
      grant_types: ["client_credentials"],
      redirect_uris: [],
      response_types: [],
      token_endpoint_auth_method: "client_secret_basic",
    },
    {
      client_id: app.id,
      redirect_uris: [app.redirect_uri],
      grant_types: ["authorization_code"],
      token_endpoint_auth_method: "none",
    },
  ],
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    introspection: { enabled: true },
    resourceIndicators: {
      enabled: true,
      useGrantedResource: () => true,
      getResourceServerInfo: (_ctx, resource) => ({
        ...tokens,
        audience: resource,
        accessTokenFormat: resource.endsWith("/opaque") ? "opaque" : "jwt",
        jwt: { sign: { alg: algorithm } },
      }),
    },
  },
  interactions: { url: (_ctx, interaction) => `/interaction/${interaction.uid}` },
  findAccount: (_ctx, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
  async loadExistingGrant(ctx) {
    const { client: asking, session, provider: own, params } = ctx.oidc;
    const known = session.grantIdFor(asking.clientId);
    if (known) return own.Grant.find(known);
    const grant = new own.Grant({ clientId: asking.clientId, accountId: session.accountId });
    grant.addOIDCScope("openid");
    grant.addResourceScope(params.resource, "orders:read");
    await grant.save();
    return grant;
  },
});

// whoever comes is logged in: the bench measures what follows a login
provider.use(async (ctx, next) => {
  if (!ctx.path.startsWith("/interaction/")) return next();
  ctx.respond = false;
  await provider.interactionFinished(ctx.req, ctx.res, { login: { accountId: "ming" } });
});

provider.listen(port, "127.0.0.1", () => console.log("ready"));
