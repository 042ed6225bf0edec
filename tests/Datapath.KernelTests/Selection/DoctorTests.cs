using Datapath.Interop.Processes;
using Datapath.KernelTests.Support;
using Xunit;

namespace Datapath.KernelTests.Selection;

public sealed class DoctorTests
{
    private const string NoBpfFileSystem = "while umount /sys/fs/bpf 2>/dev/null; do :; done";

    // A directory that is not there and cannot be made.
    private const string NoBpfDirectory = "mount -t tmpfs -o ro none /sys/fs";

    // iptables would take the place of eBPF: what both lack ends the agent.
    private static readonly string[] NoIptables = ConfinedHost.Mounting("mount -t tmpfs none /usr/sbin");

    [KernelFact]
    public async Task Here_everything_that_ebpf_needs_is_there_and_each_answer_is_the_same()
    {
        using var host = new ConfinedHost();
        DoctorAnswer answer = await host.AskAsync([]);
        Assert.Equal((0, "ebpf"), (answer.Exit, answer.Chosen));
        Assert.Empty(answer.Missing);
        CommandResult first = await host.DoctorAsync([], "--enable-ebpf");
        CommandResult second = await host.DoctorAsync([], "--enable-ebpf");
        Assert.Equal((0, "", first.StandardOutput), (second.ExitCode, second.StandardError, second.StandardOutput));
        Assert.StartsWith("backend   ebpf\n", first.StandardOutput, StringComparison.Ordinal);
    }

    [KernelTheory]
    [InlineData("bpf=ENOSYS", "ENOSYS")]
    [InlineData("bpf=EPERM", "EPERM")]
    public async Task Where_bpf_is_refused_doctor_and_run_say_so_and_leave_nothing(string calls, string symbol)
    {
        using var host = new ConfinedHost();
        string[] around = ConfinedHost.Refusing(calls);
        DoctorAnswer answer = await host.AskAsync(around);
        Assert.Equal((1, "iptables"), (answer.Exit, answer.Chosen));
        Assert.Equal(["bpf-syscall"], answer.Missing);
        Assert.Contains(symbol, answer.Evidence("bpf-syscall"), StringComparison.Ordinal);
        Assert.Equal("could-not-tell", answer.Finding("map-type-ringbuf"));

        CommandResult run = await host.RunAsync([.. NoIptables, .. around]);
        Assert.Equal((2, ""), (run.ExitCode, run.StandardOutput));
        Assert.Contains($"  bpf(2): missing: cannot create map dp_probe: {symbol} ", run.StandardError, StringComparison.Ordinal);
        Assert.Contains("    mend: ", run.StandardError, StringComparison.Ordinal);
        Assert.Equal("nothing to remove\n", await host.LeftAsync());
    }

    [KernelTheory]
    [InlineData("-bpf,-sys_admin", "cap-bpf,cap-sys-admin", "could-not-tell")]
    [InlineData("-sys_admin", "cap-sys-admin", "found")]
    [InlineData("-net_admin", "cap-net-admin", "found")]
    public async Task A_capability_that_lacks_is_named_and_not_taken_for_an_old_kernel(string lacking, string missing, string bpf)
    {
        using var host = new ConfinedHost();
        string[] around = ConfinedHost.Lacking(lacking);
        DoctorAnswer answer = await host.AskAsync(around);
        Assert.Equal(1, answer.Exit);
        Assert.Equal(missing.Split(','), answer.Missing);
        Assert.Equal(bpf, answer.Finding("bpf-syscall"));
        Assert.Equal("found", answer.Finding("kernel"));

        CommandResult run = await host.RunAsync([.. NoIptables, .. around]);
        Assert.Equal(2, run.ExitCode);
        Assert.Contains($"  {missing.Split(',')[0].ToUpperInvariant().Replace('-', '_')}: missing: ", run.StandardError, StringComparison.Ordinal);
        Assert.Equal("nothing to remove\n", await host.LeftAsync());
    }

    [KernelFact]
    public async Task The_capability_of_old_stands_for_the_new_one()
    {
        using var host = new ConfinedHost();
        DoctorAnswer answer = await host.AskAsync(ConfinedHost.Lacking("-bpf,-perfmon"));
        Assert.Equal((0, "found"), (answer.Exit, answer.Finding("cap-bpf")));
        Assert.StartsWith("CAP_SYS_ADMIN stands for it", answer.Evidence("cap-bpf"), StringComparison.Ordinal);
    }

    [KernelFact]
    public async Task A_bpf_file_system_that_can_be_mounted_is_found_and_not_mounted_by_asking()
    {
        using var host = new ConfinedHost();
        DoctorAnswer answer = await host.AskAsync(ConfinedHost.Mounting(NoBpfFileSystem));
        Assert.Equal((0, "found"), (answer.Exit, answer.Finding("bpffs")));
        Assert.Equal("not mounted yet; the agent mounts it", answer.Evidence("bpffs"));

        // The shell asks again in the same mount namespace after the doctor has gone.
        string lines = $"{NoBpfFileSystem}\n\"$0\" \"$@\" >/dev/null\nset -- -c 'grep \" /sys/fs/bpf \" /proc/self/mountinfo || echo not mounted' \n exec sh \"$@\"";
        CommandResult after = await host.DoctorAsync(ConfinedHost.Mounting(lines), "--enable-ebpf");
        Assert.Equal((0, "not mounted\n"), (after.ExitCode, after.StandardOutput));
    }

    [KernelTheory]
    [InlineData(NoBpfDirectory, "", "there is no directory /sys/fs/bpf to mount it on")]
    [InlineData(NoBpfFileSystem, "fsopen=EPERM,mount=EPERM", "cannot be by this process: cannot open a bpf file system: EPERM")]
    public async Task A_bpf_file_system_that_cannot_be_mounted_is_missing(string lines, string calls, string evidence)
    {
        using var host = new ConfinedHost();
        string[] around = [.. ConfinedHost.Mounting(lines), .. calls.Length == 0 ? [] : ConfinedHost.Refusing(calls)];
        DoctorAnswer answer = await host.AskAsync(around);
        Assert.Equal(1, answer.Exit);
        Assert.Equal(["bpffs"], answer.Missing);
        Assert.Contains(evidence, answer.Evidence("bpffs"), StringComparison.Ordinal);

        CommandResult run = await host.RunAsync([.. NoIptables, .. around]);
        Assert.Equal(2, run.ExitCode);
        Assert.Contains("  bpf file system: missing: ", run.StandardError, StringComparison.Ordinal);
        Assert.Equal("nothing to remove\n", await host.LeftAsync());
    }

    [KernelFact]
    public async Task A_kernel_that_is_not_asked_for_its_clock_is_not_called_wrong()
    {
        using var host = new ConfinedHost();
        DoctorAnswer answer = await host.AskAsync(ConfinedHost.Refusing("adjtimex=EPERM,clock_adjtime=EPERM"));
        Assert.Equal((0, "could-not-tell"), (answer.Exit, answer.Finding("ntp")));
    }
}
