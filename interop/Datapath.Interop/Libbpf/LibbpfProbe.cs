namespace Datapath.Interop.Libbpf;

/// <summary>libbpf's own questions to the kernel: 1 for yes, 0 for no, a negative errno where it could not ask.</summary>
/// <remarks>
/// A refusal for lack of privileges is a 0 as well (probe_prog_load and probe_map_create in libbpf_probes.c), so that these are only to be
/// asked where bpf(2) itself is known to work.
/// </remarks>
internal static unsafe class LibbpfProbe
{
    /// <summary>Makes a map of a kind and lets it go.</summary>
    internal static int Map(BpfMapType type) => LibbpfApi.libbpf_probe_bpf_map_type((bpf_map_type)type, null);

    /// <summary>Loads a program of two instructions and lets it go.</summary>
    internal static int Program(BpfProgramType type) => LibbpfApi.libbpf_probe_bpf_prog_type((bpf_prog_type)type, null);

    /// <summary>Loads a program with one call and reads what the verifier has against it.</summary>
    internal static int Helper(BpfProgramType type, BpfHelper helper) =>
        LibbpfApi.libbpf_probe_bpf_helper((bpf_prog_type)type, (bpf_func_id)helper, null);
}
