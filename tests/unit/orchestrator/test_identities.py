from stella_ops.orchestrator.identities import STRANGER, Identity, bearer_key, peer_certificate


def test_keys_in_headers():
    assert bearer_key(None) is None
    assert bearer_key("Basic abc") is None
    assert bearer_key("bEaReR  abc ") == "abc"
    assert bearer_key("Bearer") == ""


def test_without_tls_there_is_no_certificate():
    assert peer_certificate({}) is None
    assert peer_certificate({"extensions": {}}) is None
    assert peer_certificate({"extensions": {"tls": {"client_cert_der": b"x"}}}) == b"x"


def test_names_for_the_audit_trail():
    assert STRANGER.actor == "stranger"
    assert Identity().actor == "stranger"
