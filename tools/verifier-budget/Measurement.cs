using Datapath.Interop.Libbpf;
using Datapath.Interop.Libc;

namespace Datapath.VerifierBudget;

/// <summary>What the verifier of the running kernel walked for one program.</summary>
/// <param name="Kernel">Major and minor version: other kernels verify differently.</param>
/// <param name="Program">The program.</param>
/// <param name="Instructions">How many instructions it walked, every way counted; the limit is a million.</param>
internal sealed record Measurement(string Kernel, string Program, uint Instructions)
{
    /// <summary>Loads an object and asks.</summary>
    /// <param name="elf">The object file.</param>
    public static IReadOnlyList<Measurement> OfObject(byte[] elf)
    {
        using BpfObject loaded = BpfObject.Open(elf, "dp_budget");
        loaded.Load();
        string kernel = $"{KernelVersion.Running.Major}.{KernelVersion.Running.Minor}";
        return
        [
            .. loaded
                .Programs.OrderBy(program => program.Key, StringComparer.Ordinal)
                .Select(program => new Measurement(kernel, program.Key, program.Value.Describe().VerifiedInstructions)),
        ];
    }
}
