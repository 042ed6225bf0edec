#!/usr/bin/env bash
# The one door to this repository: sets the machine up, builds, tests, checks and shows it working.
# One function per verb (verb_*); every verb can be repeated, and a second run does no work twice.
# Data and results go to stdout, what is being done to stderr.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

readonly configuration=${CONFIGURATION:-Release}
readonly out=out
readonly stamps=$out/.stamps

# ip, tc and bpftool live in sbin, which is not on everybody's path.
export PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
# A bare Debian has no ICU, and nothing here depends on a culture.
export DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1
export DOTNET_NOLOGO=1 DOTNET_CLI_TELEMETRY_OPTOUT=1
# No build process outlives the command that started it.
export MSBUILDDISABLENODEREUSE=1

# shellcheck source=tools/requirements.sh
source tools/requirements.sh

usage() {
    cat <<'HELP'
usage: ./build.sh VERB

  demo    show it working: a lab of network namespaces, the agent, real traffic, expected beside observed; demo iptables without eBPF
  build   compile the BPF objects and the solution; the executable is out/datapath
  test    run every test that this machine can run; last line: N passed, N failed, N skipped
  check   formats, analyzers, shell scripts, generated files: is everything as it should be?
  fix     repair what check can repair
  bpf     compile only the BPF objects
  prove   the long tests (DATAPATH_PROPERTY_DECISIONS and DATAPATH_ORACLE_PACKETS, ten million; DATAPATH_AGREEMENT_PACKETS, half a million; DATAPATH_FUZZ_RUNS, a hundred million; DATAPATH_FLOOD_PACKETS, a million; DATAPATH_SWAPS, 1000); prove package alone
  mutants plant every fault of tests/mutants in a copy of the tree, or those named like the arguments, and see a test fail
  bench   print the measurements
  pack    make the tar.gz and the Debian package of a release, into out/pack
  clean   delete everything that was built

Missing Debian packages are installed (needs root). Exit 0: done, 1: the answer is no, 2: could not do it.
HELP
}

say() { printf '[build] %4ds  %s\n' "$SECONDS" "$*" >&2; }
cannot() {
    printf '[build] error: %s\n' "$*" >&2
    exit 2
}

# --- the machine ---------------------------------------------------------------------------------------------------

is_present() {
    case $1 in
        /*) compgen -G "$1" >/dev/null ;;
        *) command -v "$1" >/dev/null ;;
    esac
}

# Installs the packages of the given requirement lines that are not there; silent when all are.
set_up() {
    local line package probe missing=()
    for line in "$@"; do
        read -r package probe <<<"$line"
        is_present "$probe" || missing+=("$package")
    done
    if ((${#missing[@]} > 0)); then
        install_packages "${missing[@]}"
    fi
    command -v dotnet >/dev/null ||
        cannot "the .NET SDK $(sed -n 's/.*"version": "\(.*\)".*/\1/p' global.json) is not on the path (https://dotnet.microsoft.com/download)"
}

install_packages() {
    command -v apt-get >/dev/null || cannot "missing: $*; there is no apt-get here, install their like yourself"
    ((EUID == 0)) || cannot "missing: $*; run this as root, or: sudo apt-get install $*"
    say "installing Debian packages: $*"
    local log
    log=$(mktemp)
    if ! {
        apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@"
    } >"$log" 2>&1; then
        cat "$log" >&2
        rm -f "$log"
        cannot "apt-get could not install: $*"
    fi
    rm -f "$log"
}

# --- building ------------------------------------------------------------------------------------------------------

# Everything that a build reads, as one hash of names, sizes and times: quicker than asking every tool whether it has work.
fingerprint() {
    {
        printf '%s\n' "$configuration" "${CI:-}"
        find bpf src interop tools tests Datapath.sln Directory.*.props Directory.*.targets global.json .editorconfig BannedSymbols.txt \
            -type d \( -name bin -o -name obj -o -name out \) -prune -o -type f -printf '%p %s %T@\n' | LC_ALL=C sort
    } | sha256sum
}

# Are the results of a build with this fingerprint still in place?
is_built() {
    [[ -f $stamps/build && $(<"$stamps/build") == "$1" && -x $out/datapath ]] &&
        [[ -f $(program tests Datapath.Tests) && -f $(program tests Datapath.KernelTests) && -f $(program tools lab Datapath.Lab) ]]
}

# Path of a compiled program: folder, project folder, assembly (when it is not named like its folder).
program() { printf '%s/%s/bin/%s/net10.0/%s.dll' "$1" "$2" "$configuration" "${3:-$2}"; }

verb_bpf() {
    set_up "${requirements[@]}"
    make --no-print-directory --silent -C bpf >&2
}

verb_build() {
    set_up "${requirements[@]}"
    local inputs
    inputs=$(fingerprint)
    if is_built "$inputs"; then
        say "nothing to build: no input has changed"
        return
    fi
    mkdir -p "$stamps"
    rm -f "$stamps/build"
    say "compiling the BPF objects"
    verb_bpf
    say "restoring packages" # CI=true: exactly what the lock files say (Directory.Build.props)
    dotnet restore Datapath.sln --verbosity quiet >&2
    say "compiling the solution ($configuration)"
    dotnet build Datapath.sln --no-restore --configuration "$configuration" --verbosity quiet -nologo -consoleLoggerParameters:NoSummary >&2
    dotnet publish src/Datapath.Agent --no-build --configuration "$configuration" --output "$out" --verbosity quiet -nologo >&2
    printf '%s\n' "$inputs" >"$stamps/build"
    say "built $out/datapath"
}

verb_clean() {
    if [[ -f bpf/Makefile ]]; then
        make --no-print-directory --silent -C bpf clean >&2
    fi
    find src interop tests tools -type d \( -name bin -o -name obj \) -prune -exec rm -rf {} +
    rm -rf "$out"
}

# --- testing -------------------------------------------------------------------------------------------------------

passed=0 failed=0 skipped=0
runner_options=(-noLogo)
[[ -t 1 ]] || runner_options+=(-noColor)

# Adds the outcomes in a result file to the sums; prints how many failed.
count_results() {
    local p f s
    read -r p f s < <(grep -o '<UnitTestResult [^>]*' "$1" | sed -n 's/.* outcome="\([A-Za-z]*\)".*/\1/p' |
        awk '{ n[$1]++ } END { print n["Passed"] + 0, n["Failed"] + 0, NR - n["Passed"] - n["Failed"] }')
    passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
    say "$(basename "$1" .trx): $p passed, $f failed, $s skipped"
    failed_here=$f
}

# Runs one test project, with further options of its runner. A runner that dies without saying why counts as a failed test.
run_tests() {
    local project=$1 results=$out/test-results/$1.trx status=0 failed_here=0
    say "== $project: $2"
    timeout --foreground --kill-after=10 "${TEST_TIMEOUT:-1800}" dotnet "$(program tests "$project")" \
        "${runner_options[@]}" "${@:3}" -trx "$results" || status=$?
    if [[ -s $results ]]; then
        count_results "$results"
    fi
    if ((status != 0 && failed_here == 0)); then
        say "$project: the test runner ended with $status and named no failed test"
        failed=$((failed + 1))
    fi
}

# Counts the tests of a project as skipped, saying what is missing.
skip_tests() {
    local project=$1 count
    count=$(dotnet "$(program tests "$project")" -noColor -list tests | grep -c "^$project\\." || true)
    say "== $project: $count skipped: $2"
    skipped=$((skipped + count))
}

# Where the tests and `check` find prometheus and promtool.
add_prometheus() {
    local directory
    directory=$(tools/prometheus/fetch.sh) || cannot 'prometheus and promtool are needed'
    export PATH=$PATH:$directory
}

verb_test() {
    verb_build
    add_prometheus
    rm -rf "$out/test-results" && mkdir -p "$out/test-results"
    run_tests Datapath.Tests 'fast, no privileges'
    if ((EUID == 0)); then
        tools/containerd/fetch.sh >/dev/null || cannot 'containerd is needed'
        # Many of them wait for the kernel or for a time to be over: three side by side on two CPUs.
        run_tests Datapath.KernelTests 'programs, namespaces and sockets of this kernel' -maxThreads 1.5x
    else
        skip_tests Datapath.KernelTests 'needs root'
    fi
    printf '%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
    ((failed == 0 && passed > 0))
}

verb_prove() {
    verb_build
    if [[ ${1:-} == package ]]; then
        prove_package
        return
    fi
    # Each of these takes as long as it takes.
    export DATAPATH_TEST_SECONDS=${DATAPATH_TEST_SECONDS:-0}
    say "property and fuzz tests"
    DATAPATH_PROPERTY_DECISIONS=${DATAPATH_PROPERTY_DECISIONS:-10000000} DATAPATH_FUZZ_RUNS=${DATAPATH_FUZZ_RUNS:-100000000} \
        dotnet "$(program tests Datapath.Tests)" "${runner_options[@]}" -showLiveOutput -class '*AgreementTests' -class '*ParserFuzzTests'
    if ((EUID != 0)); then
        say "the oracle of flows, the flood of spoofed SYNs, the killed agents and the many policies are not run: that needs root"
        return
    fi
    say "the oracle of flows, against programs and iptables"
    DATAPATH_ORACLE_PACKETS=${DATAPATH_ORACLE_PACKETS:-10000000} DATAPATH_AGREEMENT_PACKETS=${DATAPATH_AGREEMENT_PACKETS:-500000} \
        dotnet "$(program tests Datapath.KernelTests)" "${runner_options[@]}" -showLiveOutput -class '*FlowOracleTests' -class '*ThreeWayTests'
    say "a flood of spoofed SYNs"
    DATAPATH_FLOOD_PACKETS=${DATAPATH_FLOOD_PACKETS:-1000000} \
        dotnet "$(program tests Datapath.KernelTests)" "${runner_options[@]}" -showLiveOutput -class '*FloodTests'
    say "the agent killed at every call of the kernel, and between every two programs that it runs"
    DATAPATH_FAULTS=all dotnet "$(program tests Datapath.KernelTests)" "${runner_options[@]}" -showLiveOutput -class '*FaultTests'
    say "many policies under traffic"
    DATAPATH_SWAPS=${DATAPATH_SWAPS:-1000} \
        dotnet "$(program tests Datapath.KernelTests)" "${runner_options[@]}" -showLiveOutput -class '*LossTests'
    prove_package
}

verb_mutants() {
    set_up "${requirements[@]}"
    ((EUID == 0)) || say "mutants of the kernel half are not tried: that needs root"
    # Only the tool: the copy is built by it, and the tree itself need not be.
    dotnet build tools/mutants --configuration "$configuration" --verbosity quiet -nologo -consoleLoggerParameters:NoSummary >&2
    dotnet "$(program tools mutants Datapath.Mutants)" "$@"
}

verb_bench() {
    verb_build
    dotnet "$(program tools bench Datapath.Bench)" "$@"
}

verb_pack() {
    set_up "${requirements[@]}"
    say "compiling a release"
    tools/pack/pack.sh
}

# Where kernels are older, where there is no .NET and no systemd, then where there is a systemd that boots.
prove_package() {
    set_up 'debootstrap debootstrap' 'qemu-system-x86 qemu-system-x86_64' 'e2fsprogs mke2fs' 'busybox-static busybox' 'kmod depmod' 'qemu-system-common /usr/lib/qemu/virtiofsd'
    tools/kernels/load.sh
    tools/kernels/dispatcher.sh
    verb_pack
    tools/pack/try.sh
    tools/pack/guest.sh
}

# --- checking ------------------------------------------------------------------------------------------------------

complaints=0

# Runs one check and goes on when it fails, so that one run names everything.
check_that() {
    local what=$1
    shift
    if "$@" >&2; then
        say "ok      $what"
    else
        say "FAILED  $what"
        complaints=$((complaints + 1))
    fi
}

c_files() { find bpf tests \( -name '*.c' -o -name '*.h' \) -not -path '*/out/*' 2>/dev/null; }
shell_files() {
    printf '%s\n' build.sh .ci/run
    find src interop tests tools vagrant examples -name '*.sh' -not -path '*/bin/*' -not -path '*/obj/*'
}
c_is_formatted() { c_files | xargs -r clang-format --dry-run -Werror; }
shell_is_clean() { shell_files | xargs -r shellcheck; }

bindings_are_current() { dotnet "$(program tools bindgen Datapath.Bindgen)" --check; }
reference() { dotnet "$(program tools docgen Datapath.DocGen)" "$1"; }
# As root only: the kernel's own verifier is asked.
verifier_budget() { dotnet "$(program tools verifier-budget Datapath.VerifierBudget)" bpf/out/segment.bpf.o bpf/verifier-budget.txt "$1"; }
reference_is_current() { reference "$1" | diff -u "docs/$1.md" -; }
alerts_are_right() { promtool check rules docs/monitoring/alerts.yaml && promtool test rules docs/monitoring/alerts.test.yaml; }

verb_check() {
    set_up "${requirements[@]}" "${check_requirements[@]}"
    add_prometheus
    check_that 'C is formatted' c_is_formatted
    check_that 'shell scripts' shell_is_clean
    check_that 'solution compiles without a warning' ./build.sh build
    check_that 'C# is formatted' dotnet format whitespace Datapath.sln --no-restore --verify-no-changes
    check_that 'C# style' dotnet format style Datapath.sln --no-restore --verify-no-changes
    check_that 'bindings and layouts are those of the headers and the object' bindings_are_current
    check_that 'docs/ruleset.md is that of the schema' reference_is_current ruleset
    check_that 'docs/metrics.md is that of the table' reference_is_current metrics
    check_that 'alert rules, by promtool' alerts_are_right
    if ((EUID == 0)); then
        check_that 'the verifier walks no more than is recorded' verifier_budget --check
    else
        say 'skipped the verifier budget: needs root'
    fi
    ((complaints == 0)) || say "$complaints complaints; ./build.sh fix repairs what it can"
    ((complaints == 0))
}

verb_fix() {
    set_up "${requirements[@]}"
    c_files | xargs -r clang-format -i
    # Before the build, which stops where generated code is out of date.
    verb_bpf
    dotnet run --project tools/bindgen --configuration "$configuration" >&2
    verb_build
    local page text
    for page in ruleset metrics; do
        text=$(reference "$page")
        printf '%s\n' "$text" >"docs/$page.md"
    done
    # The options of `run` in README are those of its help text.
    help=$("$out/datapath" run --help | sed -n '/^  --policy/,$ { s/ *$//; /./p }') \
        awk '/^  --policy </ { print ENVIRON["help"]; skip = 1 } /^```/ { skip = 0 } !skip' README.md >"$out/README.new"
    cp "$out/README.new" README.md
    ((EUID != 0)) || verifier_budget --update >&2
    dotnet format Datapath.sln --no-restore >&2
}

# --- showing -------------------------------------------------------------------------------------------------------

# Takes away what a demo that was killed outright could not: its processes, namespaces, kernel objects and files, all named after it.
sweep_demo() {
    local instance=$1 prefix=$2 work=$3 namespace
    for namespace in $(ip netns list 2>/dev/null | awk -v prefix="$prefix-" 'index($1, prefix) == 1 { print $1 }'); do
        ip netns pids "$namespace" | xargs -r kill -9 2>/dev/null || true
        # nsenter, not `ip netns exec`: that gives it a mount namespace in which the pins are not to be seen.
        nsenter --net="/run/netns/$namespace" "$out/datapath" purge --instance "$instance" >/dev/null 2>&1 || true
        ip netns delete "$namespace"
        say "took away the network namespace $namespace"
    done
    rm -rf "$work"
}

verb_demo() {
    ((EUID == 0)) || cannot 'the demo makes network namespaces and loads programs into the kernel: run it as root'
    verb_build
    local status=0 instance=demo-$$ prefix=dpl-$$ work lab backend=${1:-ebpf}
    [[ $backend == ebpf || $backend == iptables ]] || cannot "the demo knows ebpf and iptables, not '$backend'"
    work=$(mktemp -d)
    # In the background, because a shell runs its traps only between foreground commands; the lab cleans up on TERM.
    dotnet "$(program tools lab Datapath.Lab)" demo --agent "$PWD/$out/datapath" --example examples/three-tier \
        --work "$work" --instance "$instance" --prefix "$prefix" --backend "$backend" &
    lab=$!
    trap 'kill -TERM "$lab" 2>/dev/null || true' INT TERM HUP
    # A trap ends the first wait early; the loop waits for the lab's own cleaning.
    while true; do
        wait "$lab" && status=0 || status=$?
        kill -0 "$lab" 2>/dev/null || break
    done
    trap - INT TERM HUP
    sweep_demo "$instance" "$prefix" "$work"
    return "$status"
}

main() {
    local verb=${1:-help}
    case $verb in
        help | -h | --help) usage ;;
        demo)
            (($# <= 2)) || cannot "demo takes one argument; see ./build.sh"
            verb_demo "${@:2}"
            ;;
        build | test | check | fix | bpf | bench | pack | clean)
            (($# == 1)) || cannot "$verb takes no arguments; see ./build.sh"
            "verb_$verb"
            ;;
        mutants | prove) "verb_$verb" "${@:2}" ;;
        *)
            usage >&2
            cannot "there is no verb '$verb'"
            ;;
    esac
}

main "$@"
