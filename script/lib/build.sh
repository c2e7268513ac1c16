# build.sh: configures and builds into a folder of the source tree. Sourced after say.sh; $top is the source tree.

# build_tree FOLDER [configure arguments]: configures again only when the arguments changed. Makes $BUILD_TARGET, or all.
build_tree() {
    local build=$1
    shift
    mkdir -p "$build"
    if [[ ! -x $top/configure || $top/configure -ot $top/configure.ac ]]; then
        step "preparing the build system" autoreconf --force --install "$top" || die "autoreconf failed"
    fi
    if [[ ! -f $build/Makefile || $(cat "$build/.configured-with" 2>/dev/null) != "$*" ]]; then
        step "configuring ${build##*/}" in_folder "$build" "$top/configure" --quiet "$@" || die "configure failed"
        printf '%s\n' "$*" >"$build/.configured-with"
    fi
    step "compiling ${build##*/}" make --silent -C "$build" -j "$(nproc)" "${BUILD_TARGET:-all}" || die "the build failed"
}

in_folder() {
    cd "$1" || return
    shift
    "$@"
}

# test_tree FOLDER [pytest arguments]: everything is run, whatever fails; the last line printed has the totals.
test_tree() {
    local build=$1 outcome=0
    shift
    find "$build" -name '*.trs' -delete
    rm -f "$build/e2e.xml"
    step "unit tests of ${build##*/}" make --silent -C "$build" -j "$(nproc)" -k check || outcome=1
    PYTEST_DEBUG_TEMPROOT=$SCRATCH "$top/script/check-e2e" "$build" "$@" || outcome=1
    "$top/script/test-totals" "$build" || outcome=1
    return "$outcome"
}
