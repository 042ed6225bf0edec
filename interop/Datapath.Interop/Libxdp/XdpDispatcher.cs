using System.Collections.Immutable;
using System.Runtime.InteropServices;
using Datapath.Interop.Libbpf;
using Datapath.Interop.Libc;

namespace Datapath.Interop.Libxdp;

/// <summary>
/// The dispatcher by which libxdp calls several programs at the XDP hook of one interface, in the network namespace of the calling thread
/// (xdp-tools, lib/libxdp/protocol.org). Programs are loaded as extensions of it, and held by pins of libxdp's own below <c>/sys/fs/bpf/xdp</c>.
/// </summary>
/// <remarks>
/// libxdp 1.3 leaves a descriptor of every program open that it has looked at, and what is taken off would live as long as this process.
/// </remarks>
public static unsafe class XdpDispatcher
{
    /// <summary>The name of its program.</summary>
    public const string ProgramName = "xdp_dispatcher";

    /// <summary>Whether the library is there (Debian package libxdp1).</summary>
    public static bool IsAvailable { get; } = NativeLibrary.TryLoad(LibxdpApi.Library, out _);

    /// <summary>The programs that a dispatcher calls, by id and in this order; empty where there is no dispatcher.</summary>
    /// <param name="interfaceIndex">The interface.</param>
    public static ImmutableArray<uint> Programs(int interfaceIndex) =>
        OwnDescriptors.Run(() =>
        {
            using var attached = new Attached(interfaceIndex);
            return attached.Programs.Select(one => LibxdpApi.xdp_program__id((void*)one)).ToImmutableArray();
        });

    /// <summary>Has the dispatcher call one program more.</summary>
    /// <param name="open">Opens and adjusts the object that the program is in; libxdp loads it, and it is disposed.</param>
    /// <param name="section">The section of the program; no other one may be loaded.</param>
    /// <param name="interfaceIndex">The interface.</param>
    /// <param name="priority">The place among others: the larger number later.</param>
    /// <returns>The program's id.</returns>
    /// <exception cref="KernelException">Refused by libxdp or by the kernel: EPERM where it allows no extensions. All stays as it was.</exception>
    public static uint Join(Func<BpfObject> open, string section, int interfaceIndex, uint priority) =>
        OwnDescriptors.Run(() =>
        {
            using BpfObject opened = open();
            LibbpfMessages.Clear();
            return Join(opened, section, interfaceIndex, priority);
        });

    /// <summary>Has the dispatcher no longer call a program; it goes with the last one.</summary>
    /// <param name="interfaceIndex">The interface.</param>
    /// <param name="programId">The program.</param>
    /// <returns>Whether it was there.</returns>
    /// <exception cref="KernelException">Refused; it is called still.</exception>
    public static bool Leave(int interfaceIndex, uint programId) =>
        OwnDescriptors.Run(() =>
        {
            LibbpfMessages.Clear();
            using var attached = new Attached(interfaceIndex);
            nint found = attached.Programs.FirstOrDefault(one => LibxdpApi.xdp_program__id((void*)one) == programId);
            if (found != 0)
            {
                Check(LibxdpApi.xdp_program__detach((void*)found, interfaceIndex, LibxdpApi.Native, 0), "leave the dispatcher of", $"interface {interfaceIndex}");
            }

            return found != 0;
        });

    private static uint Join(BpfObject opened, string section, int interfaceIndex, uint priority)
    {
        void* program;
        fixed (byte* cSection = Utf8Text.ZeroTerminated(section))
        {
            program = LibxdpApi.xdp_program__from_bpf_obj(opened.Unloaded, cSection);
        }

        Check((int)LibxdpApi.libxdp_get_error(program), "read for libxdp", section);
        try
        {
            Check(LibxdpApi.xdp_program__set_run_prio(program, priority), "place", section);
            Check(LibxdpApi.xdp_program__attach(program, interfaceIndex, LibxdpApi.Native, 0), "join the dispatcher of", $"interface {interfaceIndex}");
            return LibxdpApi.xdp_program__id(program);
        }
        finally
        {
            LibxdpApi.xdp_program__close(program);
        }
    }

    private static void Check(int result, string operation, string subject)
    {
        if (result < 0)
        {
            throw new KernelException(operation, subject, -result, LibbpfMessages.Collected());
        }
    }

    /// <summary>What libxdp knows of an interface, until disposed.</summary>
    private readonly ref struct Attached
    {
        private readonly void* _attached;

        public Attached(int interfaceIndex)
        {
            void* answer = LibxdpApi.xdp_multiprog__get_from_ifindex(interfaceIndex);
            bool isThere = answer != null && LibxdpApi.libxdp_get_error(answer) == 0;
            _attached = isThere ? answer : null;
            Programs = isThere && LibxdpApi.xdp_multiprog__is_legacy(answer) == 0 ? List(answer) : [];
        }

        /// <summary>Pointers that are good as long as this.</summary>
        public ImmutableArray<nint> Programs { get; }

        public void Dispose()
        {
            if (_attached != null)
            {
                LibxdpApi.xdp_multiprog__close(_attached);
            }
        }

        private static ImmutableArray<nint> List(void* attached)
        {
            var programs = ImmutableArray.CreateBuilder<nint>();
            for (void* one = LibxdpApi.xdp_multiprog__next_prog(null, attached); one != null; one = LibxdpApi.xdp_multiprog__next_prog(one, attached))
            {
                programs.Add((nint)one);
            }

            return programs.ToImmutable();
        }
    }
}
