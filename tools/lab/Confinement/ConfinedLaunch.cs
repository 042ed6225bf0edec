using System.Collections.Immutable;
using System.Runtime.InteropServices;
using System.Text;
using Datapath.Lab.Networks;

namespace Datapath.Lab.Confinement;

/// <summary>Becomes another program for which some system calls fail.</summary>
public static unsafe partial class ConfinedLaunch
{
    private const string Library = "libc.so.6";

    // PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP with SECCOMP_MODE_FILTER: linux/prctl.h, linux/seccomp.h.
    private const int SetNoNewPrivileges = 38;
    private const int SetSeccomp = 22;
    private const nuint FilterMode = 2;

    /// <summary>Does not return: the calling thread's filter goes with it into the new program, and the other threads end.</summary>
    /// <param name="refusals">The calls that fail.</param>
    /// <param name="command">The program, found in PATH, and its arguments.</param>
    /// <exception cref="LabException">The filter was refused, or there is no such program.</exception>
    public static void Become(ImmutableArray<SystemCallRefusal> refusals, ReadOnlySpan<string> command)
    {
        SystemCallInstruction[] instructions = [.. SystemCallFilter.Compile(refusals)];
        fixed (SystemCallInstruction* first = instructions)
        {
            var program = new FilterProgram { Count = (ushort)instructions.Length, Instructions = first };
            // Whoever may not set filters may once it has promised never to gain privileges.
            if (prctl(SetNoNewPrivileges, 1, null, 0, 0) != 0 || prctl(SetSeccomp, FilterMode, &program, 0, 0) != 0)
            {
                throw new LabException($"the filter of system calls was refused: errno {Marshal.GetLastPInvokeError()}");
            }
        }

        // Never freed: on success this process is another program, on failure it ends.
        byte** arguments = (byte**)NativeMemory.AllocZeroed((nuint)command.Length + 1, (nuint)sizeof(byte*));
        for (int i = 0; i < command.Length; i++)
        {
            byte[] text = Encoding.UTF8.GetBytes(command[i]);
            arguments[i] = (byte*)NativeMemory.AllocZeroed((nuint)text.Length + 1);
            text.CopyTo(new Span<byte>(arguments[i], text.Length));
        }

        execvp(arguments[0], arguments);
        throw new LabException($"cannot become {command[0]}: errno {Marshal.GetLastPInvokeError()}");
    }

    [LibraryImport(Library, SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int prctl(int operation, nuint second, void* third, nuint fourth, nuint fifth);

    [LibraryImport(Library, SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int execvp(byte* file, byte** arguments);

    /// <summary><c>struct sock_fprog</c> of linux/filter.h.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct FilterProgram
    {
        public ushort Count;
        public SystemCallInstruction* Instructions;
    }
}
