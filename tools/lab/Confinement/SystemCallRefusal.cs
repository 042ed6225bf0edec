using System.Collections.Immutable;
using System.Runtime.InteropServices;

namespace Datapath.Lab.Confinement;

/// <summary>A system call that is to fail, as on a kernel without it or in a container that forbids it.</summary>
/// <param name="Number">Its number on this architecture.</param>
/// <param name="Errno">What it fails with, positive.</param>
public sealed record SystemCallRefusal(int Number, int Errno)
{
    // asm/unistd_64.h for x86-64, asm-generic/unistd.h for arm64.
    private static readonly ImmutableDictionary<string, (int X64, int Arm64)> Numbers = new Dictionary<string, (int, int)>(StringComparer.Ordinal)
    {
        ["bpf"] = (321, 280),
        ["mount"] = (165, 40),
        ["fsopen"] = (430, 430),
        ["adjtimex"] = (159, 171),
        ["clock_adjtime"] = (305, 266),
    }.ToImmutableDictionary(StringComparer.Ordinal);

    private static readonly ImmutableDictionary<string, int> Errnos = new Dictionary<string, int>(StringComparer.Ordinal)
    {
        ["EPERM"] = 1,
        ["EACCES"] = 13,
        ["ENODEV"] = 19,
        ["EINVAL"] = 22,
        ["ENOSYS"] = 38,
    }.ToImmutableDictionary(StringComparer.Ordinal);

    /// <summary>Reads <c>bpf=ENOSYS,mount=EPERM</c>.</summary>
    /// <param name="text">Calls and errors by their names.</param>
    /// <exception cref="FormatException">A name is not known.</exception>
    public static ImmutableArray<SystemCallRefusal> ParseAll(string text) => [.. text.Split(',').Select(Parse)];

    private static SystemCallRefusal Parse(string text) =>
        text.Split('=') is [var call, var error] && Numbers.TryGetValue(call, out var numbers) && Errnos.TryGetValue(error, out var errno)
            ? new SystemCallRefusal(RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? numbers.Arm64 : numbers.X64, errno)
            : throw new FormatException(
                $"'{text}' is not CALL=ERRNO; calls: {string.Join(' ', Numbers.Keys.Order(StringComparer.Ordinal))}, "
                    + $"errors: {string.Join(' ', Errnos.Keys.Order(StringComparer.Ordinal))}"
            );
}
