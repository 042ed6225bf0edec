namespace Datapath.Interop.Libbpf;

/// <summary>How many CPUs the kernel keeps per-CPU values for: those that may ever be plugged in.</summary>
public static class PossibleCpus
{
    /// <summary>At least 1; constant while the machine runs.</summary>
    public static int Count { get; } = KernelException.Check(LibbpfApi.libbpf_num_possible_cpus(), "count", "possible CPUs");
}
