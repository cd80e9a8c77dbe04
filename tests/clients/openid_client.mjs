// An application that uses openid-client: by default with a secret; with a private key, with pushed
// requests and with DPoP where the settings say so.
import * as client from "openid-client";
import { readSettings, serve } from "./application.mjs";

const settings = readSettings();
const config = await client.discovery(
  new URL(settings.issuer),
  settings.client_id,
  settings.metadata,
  await chooseAuthentication(),
  { execute: [client.allowInsecureRequests, client.enableNonRepudiationChecks] },
);

async function chooseAuthentication() {
  if (!settings.private_jwk) return client.ClientSecretPost(settings.client_secret);
  const { kid, ...jwk } = settings.private_jwk;
  const algorithm = { name: "ECDSA", namedCurve: "P-256" };
  const key = await crypto.subtle.importKey("jwk", jwk, algorithm, false, ["sign"]);
  return client.PrivateKeyJwt({ key, kid });
}

async function makeProver() {
  if (!settings.dpop) return {};
  return { DPoP: client.getDPoPHandle(config, await client.randomDPoPKeyPair("ES256")) };
}

serve(settings, {
  async start(session) {
    session.verifier = client.randomPKCECodeVerifier();
    session.state = client.randomState();
    session.nonce = client.randomNonce();
    session.prover = await makeProver();
    const parameters = {
      redirect_uri: settings.callback,
      scope: settings.scope,
      code_challenge: await client.calculatePKCECodeChallenge(session.verifier),
      code_challenge_method: "S256",
      state: session.state,
      nonce: session.nonce,
    };
    if (settings.par) return client.buildAuthorizationUrlWithPAR(config, parameters, session.prover);
    return client.buildAuthorizationUrl(config, parameters);
  },

  async finish(session, here) {
    const checks = {
      pkceCodeVerifier: session.verifier,
      expectedState: session.state,
      expectedNonce: session.nonce,
      idTokenExpected: true,
    };
    session.tokens = await client.authorizationCodeGrant(config, here, checks, {}, session.prover);
    session.claims = session.tokens.claims();
  },

  async userinfo({ tokens, claims, prover }) {
    return client.fetchUserInfo(config, tokens.access_token, claims.sub, prover);
  },

  async refresh(session) {
    const { tokens: old, prover } = session;
    const fresh = await client.refreshTokenGrant(config, old.refresh_token, {}, prover);
    session.tokens = { ...old, ...fresh };
    return {
      access_token_is_new: fresh.access_token !== old.access_token,
      token_type: fresh.token_type,
      subject: fresh.claims()?.sub ?? null,
    };
  },

  async leave(session) {
    session.logoutState = client.randomState();
    return client.buildEndSessionUrl(config, {
      id_token_hint: session.tokens.id_token,
      post_logout_redirect_uri: settings.goodbye,
      state: session.logoutState,
    });
  },
});
