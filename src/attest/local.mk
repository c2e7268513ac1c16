noinst_LIBRARIES += libattest.a
libattest_a_SOURCES = \
    include/attest/attest.h \
    include/attest/attester.h \
    include/attest/bind.h \
    include/attest/cmw.h \
    include/attest/digest.h \
    include/attest/evidence.h \
    src/attest/evidence_format.c include/attest/evidence_format.h \
    include/attest/journal.h \
    include/attest/judge.h \
    include/attest/nonces.h \
    include/attest/policy.h \
    include/attest/provider.h \
    include/attest/verdict.h \
    include/attest/verifier.h
