using Datapath.Interop.Libc;
using Datapath.Interop.Processes;

namespace Datapath.KernelTests.Support;

/// <summary>A namespace of its own with a veth pair inside, removed at the end whatever happened.</summary>
internal sealed class VethLab : IDisposable
{
    private static int _count;

    private readonly NetworkNamespace _namespace;

    internal VethLab()
    {
        Name = $"dpi-{Environment.ProcessId}-{Interlocked.Increment(ref _count)}";
        CommandRunner.Run("ip", "netns", "add", Name);
        _namespace = NetworkNamespace.OpenNamed(Name);
        CommandRunner.Run("ip", "-n", Name, "link", "add", "dpi0", "type", "veth", "peer", "name", "dpi1");
        CommandRunner.Run("ip", "-n", Name, "link", "set", "dpi0", "up");
        CommandRunner.Run("ip", "-n", Name, "link", "set", "dpi1", "up");
        InterfaceIndex = int.Parse(CommandRunner.Run("ip", "-n", Name, "-o", "link", "show", "dpi0").Split(':')[0]);
    }

    /// <summary>The namespace's name.</summary>
    internal string Name { get; }

    /// <summary>The index of <c>dpi0</c> in it.</summary>
    internal int InterfaceIndex { get; }

    /// <summary>Runs something inside.</summary>
    internal T Run<T>(Func<T> function) => _namespace.Run(function);

    /// <summary>Runs something inside.</summary>
    internal void Run(Action action) => _namespace.Run(action);

    /// <summary>Runs <c>tc</c> inside.</summary>
    internal string Tc(params string[] arguments) => CommandRunner.Run("tc", ["-n", Name, .. arguments]);

    public void Dispose()
    {
        _namespace.Dispose();
        CommandRunner.Run("ip", "netns", "delete", Name);
    }
}
