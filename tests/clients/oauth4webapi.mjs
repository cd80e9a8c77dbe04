// A public application that uses oauth4webapi: no secret, every step of the protocol by itself.
import * as oauth from "oauth4webapi";
import { readSettings, serve } from "./application.mjs";

const settings = readSettings();
const insecure = { [oauth.allowInsecureRequests]: true }; // plain http, which is for loopback only
const issuer = new URL(settings.issuer);
const provider = await oauth.processDiscoveryResponse(
  issuer,
  await oauth.discoveryRequest(issuer, { ...insecure, algorithm: "oidc" }),
);
const client = { client_id: settings.client_id };
const nobody = oauth.None();

serve(settings, {
  async start(session) {
    session.verifier = oauth.generateRandomCodeVerifier();
    session.state = oauth.generateRandomState();
    session.nonce = oauth.generateRandomNonce();
    const url = new URL(provider.authorization_endpoint);
    url.search = new URLSearchParams({
      client_id: client.client_id,
      response_type: "code",
      redirect_uri: settings.callback,
      scope: settings.scope,
      code_challenge: await oauth.calculatePKCECodeChallenge(session.verifier),
      code_challenge_method: "S256",
      state: session.state,
      nonce: session.nonce,
    });
    return url;
  },

  async finish(session, here) {
    const parameters = oauth.validateAuthResponse(provider, client, here, session.state);
    const response = await oauth.authorizationCodeGrantRequest(
      provider,
      client,
      nobody,
      parameters,
      settings.callback,
      session.verifier,
      insecure,
    );
    const checks = { expectedNonce: session.nonce, requireIdToken: true };
    session.tokens = await oauth.processAuthorizationCodeResponse(provider, client, response, checks);
    await oauth.validateApplicationLevelSignature(provider, response, insecure);
    session.claims = oauth.getValidatedIdTokenClaims(session.tokens);
  },

  async userinfo({ tokens, claims }) {
    const response = await oauth.userInfoRequest(provider, client, tokens.access_token, insecure);
    return oauth.processUserInfoResponse(provider, client, claims.sub, response);
  },

  async refresh(session) {
    const old = session.tokens;
    const response = await oauth.refreshTokenGrantRequest(
      provider,
      client,
      nobody,
      old.refresh_token,
      insecure,
    );
    const fresh = await oauth.processRefreshTokenResponse(provider, client, response);
    session.tokens = { ...old, ...fresh };
    return {
      access_token_is_new: fresh.access_token !== old.access_token,
      token_type: fresh.token_type,
      subject: oauth.getValidatedIdTokenClaims(fresh)?.sub ?? null,
    };
  },

  async leave(session) {
    session.logoutState = oauth.generateRandomState();
    const url = new URL(provider.end_session_endpoint);
    url.search = new URLSearchParams({
      client_id: client.client_id,
      id_token_hint: session.tokens.id_token,
      post_logout_redirect_uri: settings.goodbye,
      state: session.logoutState,
    });
    return url;
  },
});
