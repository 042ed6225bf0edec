using System.Collections.Immutable;
using System.Runtime.InteropServices;

namespace Datapath.Lab.Confinement;

/// <summary>A seccomp filter, which is a program of classic BPF over <c>struct seccomp_data</c> of linux/seccomp.h.</summary>
public static class SystemCallFilter
{
    // BPF_LD | BPF_W | BPF_ABS, BPF_JMP | BPF_JEQ | BPF_K, BPF_RET | BPF_K of linux/bpf_common.h.
    private const ushort Load = 0x20;
    private const ushort JumpIfEqual = 0x15;
    private const ushort Return = 0x06;

    private const uint NumberAt = 0;
    private const uint ArchitectureAt = 4;

    // SECCOMP_RET_ALLOW and SECCOMP_RET_ERRNO; AUDIT_ARCH_X86_64 and AUDIT_ARCH_AARCH64 of linux/audit.h.
    private const uint Allow = 0x7fff0000;
    private const uint Fail = 0x00050000;
    private const uint X64 = 0xc000003e;
    private const uint Arm64 = 0xc00000b7;

    /// <summary>The instructions that make some calls fail and let all others through.</summary>
    /// <param name="refusals">Which, and how.</param>
    public static ImmutableArray<SystemCallInstruction> Compile(ImmutableArray<SystemCallRefusal> refusals) =>
        [
            new(Load, 0, 0, ArchitectureAt),
            // Numbers of another architecture mean other calls: not ours to judge.
            new(JumpIfEqual, 1, 0, RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? Arm64 : X64),
            new(Return, 0, 0, Allow),
            new(Load, 0, 0, NumberAt),
            .. refusals.SelectMany(
                one => (SystemCallInstruction[])[new(JumpIfEqual, 0, 1, (uint)one.Number), new(Return, 0, 0, Fail | (uint)one.Errno)]
            ),
            new(Return, 0, 0, Allow),
        ];
}

/// <summary><c>struct sock_filter</c> of linux/filter.h.</summary>
/// <param name="Code">What to do.</param>
/// <param name="IfTrue">Instructions to skip when the comparison holds.</param>
/// <param name="IfFalse">Instructions to skip when it does not.</param>
/// <param name="Operand">The number that goes with it.</param>
[StructLayout(LayoutKind.Sequential)]
public readonly record struct SystemCallInstruction(ushort Code, byte IfTrue, byte IfFalse, uint Operand);
