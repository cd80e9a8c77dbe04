"""From an opened store and its keys to an application: every use case, every endpoint, every page.

The only module that knows all of them. It opens nothing but what `close` closes, and decides
nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from lingpai_server.accounts.throttle import ThrottlePolicy, ThrottleRule
from lingpai_server.app.authorize import Authorize
from lingpai_server.app.backchannel import LogoutTeller
from lingpai_server.app.certificates import CertificateReader
from lingpai_server.app.client_keys import LiveClientKeys
from lingpai_server.app.clock import Clock, now
from lingpai_server.app.device import AuthorizeDevice, DecideDevice
from lingpai_server.app.end_session import EndSession
from lingpai_server.app.ending import LogOut, RevokeToken
from lingpai_server.app.fetching import Fetcher
from lingpai_server.app.introspection import Introspect
from lingpai_server.app.login import LogIn
from lingpai_server.app.metadata_documents import MetadataDocuments
from lingpai_server.app.par import PushRequest
from lingpai_server.app.ports import BoundedHasher
from lingpai_server.app.proofs import Proofs
from lingpai_server.app.registration import RegisterClients
from lingpai_server.app.sign_in import SignIn
from lingpai_server.app.standing import Metadata, Readiness
from lingpai_server.app.status_feed import StatusFeed
from lingpai_server.app.token import GrantTokens
from lingpai_server.app.userinfo import Userinfo
from lingpai_server.config.model import Config, ThrottleSection
from lingpai_server.config.policies import outgoing_policy, registration_policy
from lingpai_server.console.routes import Pages, make_pages, page_routes
from lingpai_server.core.ports import Store
from lingpai_server.http.address import parse_networks
from lingpai_server.http.app import create_app
from lingpai_server.http.endpoints import Endpoints
from lingpai_server.http.exchange import ReadingLimits
from lingpai_server.http.hardening import AsgiApp
from lingpai_server.http.registration import RegistrationEndpoint
from lingpai_server.http.routes import routes
from lingpai_server.http.statuses import Statuses
from lingpai_server.http.token_readers import TokenReaders
from lingpai_server.http.wellknown import WellKnown
from lingpai_server.keys.signer import LiveKeyRing
from lingpai_server.protocol.discovery import Features
from lingpai_server.protocol.policy import IssuePolicy
from lingpai_server.protocol.registration import RegistrationMode
from lingpai_server.sessions.policy import SessionPolicy


class CannotAssemble(Exception):  # an operator reads the message
    """A file that the configuration names cannot be used."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What is served, and what runs beside it."""

    app: AsgiApp
    logout_teller: LogoutTeller
    statuses: StatusFeed
    fetchers: tuple[Fetcher, ...]

    def close(self) -> None:
        """Let go of the threads that resolve names."""
        for fetcher in self.fetchers:
            fetcher.close()


def assemble(
    config: Config,
    store: Store,
    hasher: BoundedHasher,
    keys: LiveKeyRing,
    *,
    clock: Clock = now,
) -> Parts:
    """Everything over one store. Raises CannotAssemble."""
    return _Assembly(config, store, hasher, keys, clock).finish()


class _Assembly:
    """The parts that others share, made once."""

    def __init__(
        self,
        config: Config,
        store: Store,
        hasher: BoundedHasher,
        keys: LiveKeyRing,
        clock: Clock,
    ) -> None:
        self.config, self.store, self.hasher = config, store, hasher
        self.keys, self.clock = keys, clock
        self.issuer = config.server.issuer
        self.policy = IssuePolicy(self.issuer, _session_policy(config))
        self.throttle = _throttle_policy(config.throttle)
        self.registration = registration_policy(config)
        # one for each kind of caller: the slow servers of strangers keep no logout waiting
        self.fetchers = tuple(_make_fetcher(config) for _ in range(3))
        for_keys, for_documents, self.for_logouts = self.fetchers
        self.client_keys = LiveClientKeys(for_keys)
        self.documents = MetadataDocuments(store, keys, for_documents, self.registration, clock)
        self.registrar = RegisterClients(store, keys, for_documents, self.registration, clock)
        self.certificates = _certificate_reader(config)
        self.proofs = Proofs(
            store,
            keys,
            self.client_keys,
            self.policy,
            clock,
            self.certificates,
            config.dpop.require_nonce,
            self.documents,
        )

    def finish(self) -> Parts:
        """The application over all of it."""
        server = self.config.server
        statuses = self.status_feed()
        api = routes(
            self.endpoints(),
            self.token_readers(),
            self.well_known(),
            RegistrationEndpoint(self.issuer, self.registrar),
            Statuses(statuses),
            issuer=self.issuer,
        )
        app = create_app(
            (*api, *page_routes(self.pages(), issuer=self.issuer)),
            ReadingLimits(
                server.max_body_bytes,
                parse_networks(server.trusted_proxies),
                certificate_header=server.client_certificate_header,
            ),
            https=self.issuer.startswith("https:"),
            log_access=server.access_log,
        )
        teller = LogoutTeller(self.store, self.keys, self.for_logouts, self.policy, self.clock)
        return Parts(app, teller, statuses, self.fetchers)

    def status_feed(self) -> StatusFeed:
        """What verifiers follow."""
        section = self.config.status
        return StatusFeed(
            self.store,
            self.keys,
            self.issuer,
            list_ttl_seconds=section.list_ttl_seconds,
            max_listeners=section.max_streams,
            clock=self.clock,
        )

    def endpoints(self) -> Endpoints:
        """What clients call to get tokens."""
        store, keys, policy, clock = self.store, self.keys, self.policy, self.clock
        return Endpoints(
            issuer=self.issuer,
            log_in=LogIn(store, keys, self.proofs, self.hasher, policy, self.throttle, clock),
            grant_tokens=GrantTokens(store, keys, self.client_keys, self.proofs, policy, clock),
            push_request=PushRequest(store, keys, self.client_keys, self.proofs, policy, clock),
            authorize_device=AuthorizeDevice(store, self.proofs, policy, clock),
            log_out=LogOut(store, keys, clock),
        )

    def token_readers(self) -> TokenReaders:
        """What is asked about tokens."""
        store, keys, policy, clock = self.store, self.keys, self.policy, self.clock
        require_nonce = self.config.dpop.require_nonce
        return TokenReaders(
            userinfo=Userinfo(
                store, keys, self.client_keys, policy, clock, self.certificates, require_nonce
            ),
            introspect=Introspect(store, keys, self.proofs, policy, clock),
            revoke_token=RevokeToken(store, keys, self.proofs, policy, clock),
        )

    def pages(self) -> Pages:
        """What people see."""
        store, keys, policy, clock = self.store, self.keys, self.policy, self.clock
        return make_pages(
            self.issuer,
            authorize=Authorize(store, keys, self.client_keys, policy, clock, self.documents),
            sign_in=SignIn(store, self.hasher, policy, self.throttle, clock),
            device=DecideDevice(store, clock),
            end_session=EndSession(store, keys, policy, clock),
            tickets=keys,
            clock=clock,
        )

    def well_known(self) -> WellKnown:
        """What anybody may read."""
        server = self.config.server
        features = Features(
            registration=self.registration.mode is not RegistrationMode.CLOSED,
            metadata_documents=self.registration.metadata_documents,
            certificates=bool(server.client_certificate_header and server.trusted_proxies),
            authorities=self.certificates.vouches,
        )
        metadata = Metadata(self.store, self.keys, self.issuer, features)
        return WellKnown(metadata, Readiness(self.store, self.keys), self.keys)


def _make_fetcher(config: Config) -> Fetcher:
    try:
        return Fetcher(outgoing_policy(config))
    except (OSError, ValueError) as error:
        raise CannotAssemble(f"{config.outgoing.ca_file}: {error}") from error


def _certificate_reader(config: Config) -> CertificateReader:
    file = config.server.client_certificate_ca_file
    try:
        return CertificateReader(file)
    except (OSError, ValueError) as error:
        raise CannotAssemble(f"{file}: {error}") from error


def _session_policy(config: Config) -> SessionPolicy:
    sessions = config.sessions
    return SessionPolicy(sessions.idle_seconds, sessions.absolute_seconds, sessions.grace_seconds)


def _throttle_policy(section: ThrottleSection) -> ThrottlePolicy:
    return ThrottlePolicy(
        pair=ThrottleRule(section.pair_free, 1, section.pair_cap_seconds),
        account=ThrottleRule(section.account_free, 1, section.account_cap_seconds),
        address=ThrottleRule(section.address_free, 1, section.address_cap_seconds),
        half_life_seconds=section.half_life_seconds,
    )
