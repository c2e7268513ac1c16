# packages.sh: installs Debian packages that are missing, and only those. Sourced after say.sh.

# What the programs are built from. configure.ac names the same packages in its messages.
BUILD_PACKAGES=(build-essential autoconf automake pkg-config libssl-dev libevent-dev libyaml-dev
    libjansson-dev libcurl4-openssl-dev libidn-dev uthash-dev libsystemd-dev)

# What the unit tests need beyond those.
UNIT_TEST_PACKAGES=(libcmocka-dev)

# And what all tests are run with; script/test-deps installs the drivers. A program that is there already, from wherever,
# is not installed a second time.
# libtss2-dev: the build then has the provider azure, for whose TPM swtpm stands.
TEST_PACKAGES=("${UNIT_TEST_PACKAGES[@]}" ca-certificates python3 python3-venv libpq5 libtss2-dev swtpm)
for needed in psql:postgresql-client openssl:openssl node:nodejs npm:npm go:golang-go javac:default-jdk-headless mvn:maven; do
    command -v "${needed%%:*}" >/dev/null || TEST_PACKAGES+=("${needed##*:}")
done
unset needed
if ! compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null && ! command -v initdb >/dev/null; then
    TEST_PACKAGES+=(postgresql)
fi

APT_ENVIRONMENT=(env DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=a NEEDRESTART_SUSPEND=1)

package_installed() {
    [[ $(dpkg-query -W -f '${db:Status-Abbrev}' "$1" 2>/dev/null) == ii* ]]
}

# as_root COMMAND...: directly, or by sudo; sudo has asked for its password in packages_may_install.
as_root() {
    if ((EUID == 0)); then
        "$@"
    else
        sudo -n "$@"
    fi
}

packages_may_install() {
    ((EUID != 0)) || return 0
    command -v sudo >/dev/null || die "run me as root, or install these first: apt install $*"
    say "   Installing needs root; sudo may ask for your password."
    sudo -v || die "without root, install these yourself and start me again: apt install $*"
}

# packages_ensure PACKAGE...
packages_ensure() {
    local package
    local -a missing=()
    command -v dpkg-query >/dev/null || die "this is not Debian or Ubuntu: install by hand what corresponds to: $*"
    for package in "$@"; do
        package_installed "$package" || missing+=("$package")
    done
    ((${#missing[@]})) || return 0
    say "   Missing Debian packages: ${missing[*]}"
    packages_may_install "${missing[@]}"
    no_cluster_begin
    # Interrupted, apt finishes the package it is at.
    STEP_STOP=INT
    step "reading the package lists" apt_command update || warn "   Going on with the package lists that are there."
    step "installing ${#missing[@]} packages and what they need" \
        apt_command install -y --no-install-recommends "${missing[@]}" || die "apt could not install ${missing[*]}"
    STEP_STOP=TERM
    no_cluster_end
}

apt_command() { as_root "${APT_ENVIRONMENT[@]}" apt-get -q -o DPkg::Lock::Timeout=300 "$@"; }

# Debian's PostgreSQL package makes a cluster and starts it when it is first installed; a scratch server is all that is
# wanted here, so it is told not to, for the time of the installation.
NO_CLUSTER=/etc/postgresql-common/createcluster.d/pgvouch-no-cluster.conf

no_cluster_begin() {
    if ! package_installed postgresql-common; then
        as_root mkdir -p "${NO_CLUSTER%/*}"
        AT_END+=(no_cluster_end)
        as_root tee "$NO_CLUSTER" <<<"create_main_cluster = false" >/dev/null
    fi
}

no_cluster_end() {
    if [[ -e $NO_CLUSTER ]]; then
        as_root rm -f "$NO_CLUSTER"
        as_root rmdir --ignore-fail-on-non-empty -p "${NO_CLUSTER%/*}"
    fi
}
