# The floor of the benchmark: built by `make bench/relay`, not by `make`.
EXTRA_PROGRAMS += bench/relay
bench_relay_SOURCES = bench/relay.c
bench_relay_LDADD = $(OPENSSL_LIBS)
CLEANFILES += bench/relay

# What judging evidence costs: `make bench/verify`; bench/evidence builds and runs both.
EXTRA_PROGRAMS += bench/verify bench/storm
bench_verify_SOURCES = bench/verify.c bench/mint.c bench/mint.h
bench_verify_LDADD = $(LIBS_ATTEST)
bench_storm_SOURCES = bench/storm.c bench/mint.c bench/mint.h
bench_storm_LDADD = $(LIBS_ATTEST)
CLEANFILES += bench/verify bench/storm
