from stella_ops.agents.audit import AuditTrail


def test_what_people_decide_is_audited(store, clock, authority, audited):
    trail = AuditTrail(store, clock=clock, actor="ops@controller")
    trail.host_key_accepted("web1", address="10.0.0.1:22", key_type="ssh-ed25519", fingerprint="SHA256:abc")
    trail.authority_created(authority)
    assert audited() == [("hostkey.accept", "ok"), ("ca.create", "ok")]
    entry = audited("hostkey.accept")[0]
    assert (entry.actor, entry.subject, entry.detail["fingerprint"]) == ("ops@controller", "web1", "SHA256:abc")
    assert audited("ca.create")[0].detail == {"pin": authority.pin, "keys_encrypted": False}
