# The suite is distributed as it stands and run by `make check-e2e`. Of the rest only the fuzz targets are built here, and
# only by `make fuzzers` in a build of clang's: script/fuzz does that, and runs them.
FUZZERS = test/fuzz/fuzz_report test/fuzz/fuzz_certtable test/fuzz/fuzz_certificate test/fuzz/fuzz_cmw \
    test/fuzz/fuzz_eat test/fuzz/fuzz_corim test/fuzz/fuzz_azure test/fuzz/fuzz_verifier \
    test/fuzz/fuzz_policy test/fuzz/fuzz_startup test/fuzz/fuzz_framer test/fuzz/fuzz_scram test/fuzz/fuzz_hba
EXTRA_PROGRAMS += $(FUZZERS)
LDFLAGS_FUZZ = $(AM_LDFLAGS) -fsanitize=fuzzer

fuzzers: $(FUZZERS)
.PHONY: fuzzers

test_fuzz_fuzz_report_SOURCES = test/fuzz/fuzz_report.c test/fuzz/fuzz.h
test_fuzz_fuzz_report_LDFLAGS = $(LDFLAGS_FUZZ)
test_fuzz_fuzz_report_LDADD = $(LIBS_SNP)
test_fuzz_fuzz_certtable_SOURCES = test/fuzz/fuzz_certtable.c test/fuzz/fuzz.h
test_fuzz_fuzz_certtable_LDFLAGS = $(LDFLAGS_FUZZ)
test_fuzz_fuzz_certtable_LDADD = $(LIBS_SNP)
test_fuzz_fuzz_certificate_SOURCES = test/fuzz/fuzz_certificate.c test/fuzz/fuzz.h
test_fuzz_fuzz_certificate_LDFLAGS = $(LDFLAGS_FUZZ)
test_fuzz_fuzz_certificate_LDADD = $(LIBS_ATTEST)
test_fuzz_fuzz_cmw_SOURCES = test/fuzz/fuzz_cmw.c test/fuzz/fuzz.h
test_fuzz_fuzz_cmw_LDFLAGS = $(LDFLAGS_FUZZ)
test_fuzz_fuzz_cmw_LDADD = $(LIBS_ATTEST)
test_fuzz_fuzz_azure_SOURCES = test/fuzz/fuzz_azure.c test/fuzz/fuzz.h
test_fuzz_fuzz_azure_LDFLAGS = $(LDFLAGS_FUZZ)
test_fuzz_fuzz_azure_LDADD = $(LIBS_ATTEST)
test_fuzz_fuzz_verifier_SOURCES = test/fuzz/fuzz_verifier.c test/fuzz/fuzz.h
test_fuzz_fuzz_verifier_LDFLAGS = $(LDFLAGS_FUZZ)
test_fuzz_fuzz_verifier_LDADD = $(LIBS_ATTEST)
test_fuzz_fuzz_eat_SOURCES = test/fuzz/fuzz_eat.c test/fuzz/fuzz.h
test_fuzz_fuzz_eat_LDFLAGS = $(LDFLAGS_FUZZ)
test_fuzz_fuzz_eat_LDADD = $(LIBS_ATTEST)
test_fuzz_fuzz_corim_SOURCES = test/fuzz/fuzz_corim.c test/fuzz/fuzz.h
test_fuzz_fuzz_corim_LDFLAGS = $(LDFLAGS_FUZZ)
test_fuzz_fuzz_corim_LDADD = $(LIBS_ATTEST)
test_fuzz_fuzz_policy_SOURCES = test/fuzz/fuzz_policy.c test/fuzz/fuzz.h
test_fuzz_fuzz_policy_LDFLAGS = $(LDFLAGS_FUZZ)
test_fuzz_fuzz_policy_LDADD = $(LIBS_ATTEST)
test_fuzz_fuzz_startup_SOURCES = test/fuzz/fuzz_startup.c test/fuzz/fuzz.h
test_fuzz_fuzz_startup_LDFLAGS = $(LDFLAGS_FUZZ)
test_fuzz_fuzz_startup_LDADD = $(LIBS_WIRE)
test_fuzz_fuzz_framer_SOURCES = test/fuzz/fuzz_framer.c test/fuzz/fuzz.h
test_fuzz_fuzz_framer_LDFLAGS = $(LDFLAGS_FUZZ)
test_fuzz_fuzz_framer_LDADD = $(LIBS_POOL)
test_fuzz_fuzz_scram_SOURCES = test/fuzz/fuzz_scram.c test/fuzz/fuzz.h
test_fuzz_fuzz_scram_LDFLAGS = $(LDFLAGS_FUZZ)
test_fuzz_fuzz_scram_LDADD = $(LIBS_GATE)
test_fuzz_fuzz_hba_SOURCES = test/fuzz/fuzz_hba.c test/fuzz/fuzz.h
test_fuzz_fuzz_hba_LDFLAGS = $(LDFLAGS_FUZZ)
test_fuzz_fuzz_hba_LDADD = $(LIBS_GATE)

# Makes a program believe that it runs in an SEV-SNP guest (test/support/machine.py); never installed.
PRELOAD = test/preload/snp_guest.so
CLEANFILES += $(PRELOAD)
$(PRELOAD): test/preload/snp_guest.c
	$(AM_V_CC)$(MKDIR_P) test/preload && $(CC) -std=gnu17 -O1 -g $(WARNING_CFLAGS) -D_GNU_SOURCE -U_FORTIFY_SOURCE -fPIC \
	    -shared -o $@ $(top_srcdir)/test/preload/snp_guest.c
