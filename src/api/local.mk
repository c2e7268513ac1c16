# libvouch: the verifier for other programs. A shared library without libtool: what it takes from the layers below is
# position independent already and hidden (configure.ac), the version script hides the rest, and installation adds the
# links that the linker and the loader look for. Its interface is that of the soname: LIBVOUCH_SONAME changes only when a
# function goes or changes its meaning, which then is a new one's turn.
libvouchexecdir = $(libdir)
libvouchexec_PROGRAMS = libvouch.so.0.1.0
LIBVOUCH = libvouch.so.0.1.0
LIBVOUCH_SONAME = libvouch.so.0
LIBVOUCH_MAP = $(top_srcdir)/src/api/libvouch.map
libvouch_so_0_1_0_SOURCES = include/api/vouch.h include/api/handles.h \
    src/api/answer.c \
    src/api/fact.c \
    src/api/policy.c \
    src/api/request.c \
    src/api/verdict.c \
    src/api/verify.c
libvouch_so_0_1_0_LDADD = $(LIBS_ATTEST)
libvouch_so_0_1_0_DEPENDENCIES = libattest.a libsnp.a libtls.a libconfig.a libbase.a src/api/libvouch.map
libvouch_so_0_1_0_LDFLAGS = -shared -pthread -Wl,-soname,$(LIBVOUCH_SONAME) -Wl,--version-script,$(LIBVOUCH_MAP) \
    -Wl,--as-needed -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack $(SANITIZER_CFLAGS)
EXTRA_DIST += src/api/libvouch.map

vouchincludedir = $(includedir)
vouchinclude_HEADERS = include/api/vouch.h
pkgconfigdir = $(libdir)/pkgconfig
pkgconfig_DATA = src/api/vouch.pc

install-exec-hook:
	cd '$(DESTDIR)$(libdir)' && ln -sf $(LIBVOUCH) $(LIBVOUCH_SONAME) && ln -sf $(LIBVOUCH_SONAME) libvouch.so

uninstall-hook:
	rm -f '$(DESTDIR)$(libdir)/$(LIBVOUCH_SONAME)' '$(DESTDIR)$(libdir)/libvouch.so'

if UNIT_TESTS
check_PROGRAMS += test/unit/test_api_vouch test/unit/test_api_evidence
API_SCENE = test/unit/api_scene.c test/unit/api_scene.h $(SNP_FORGE) $(libvouch_so_0_1_0_SOURCES)
test_unit_test_api_vouch_SOURCES = test/unit/test_api_vouch.c $(API_SCENE)
test_unit_test_api_vouch_CFLAGS = $(AM_CFLAGS) $(UNIT_CFLAGS)
test_unit_test_api_vouch_LDADD = $(LIBS_ATTEST) $(CMOCKA_LIBS)
test_unit_test_api_evidence_SOURCES = test/unit/test_api_evidence.c test/unit/azure_forge.c $(API_SCENE)
test_unit_test_api_evidence_CFLAGS = $(AM_CFLAGS) $(UNIT_CFLAGS)
test_unit_test_api_evidence_LDADD = $(LIBS_ATTEST) $(CMOCKA_LIBS)
endif
