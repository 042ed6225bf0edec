using System.Runtime.InteropServices;
using Datapath.Interop.Libbpf;

namespace Datapath.Interop.Libxdp;

/// <summary>libxdp's functions under their C names (xdp/libxdp.h of 1.3). Everything here is raw; <see cref="XdpDispatcher"/> is safe.</summary>
/// <remarks>
/// A returned int below zero is -errno. What a returned pointer is worth is for <see cref="libxdp_get_error"/> to say. The library is
/// optional: who calls asks <see cref="XdpDispatcher.IsAvailable"/> first.
/// </remarks>
internal static unsafe partial class LibxdpApi
{
    /// <summary>The library by its ABI. It works on objects of the libbpf that this process has.</summary>
    internal const string Library = "libxdp.so.1";

    /// <summary>XDP_MODE_NATIVE of <c>enum xdp_attach_mode</c>.</summary>
    internal const int Native = 1;

    // Precise, not beforefieldinit, as with libbpf: what it says ends in exceptions.
    static LibxdpApi() => LibbpfMessages.CaptureLibxdp();

    /// <summary>Takes whoever prints messages; levels are those of libbpf.</summary>
    [LibraryImport(Library)]
    internal static partial void* libxdp_set_print(delegate* unmanaged[Cdecl]<libbpf_print_level, byte*, void*, int> fn);

    /// <summary>0 for a pointer that is one, else -errno.</summary>
    [LibraryImport(Library)]
    internal static partial nint libxdp_get_error(void* pointer);

    /// <summary>A program of an object that is not loaded yet and stays the caller's, by its section.</summary>
    [LibraryImport(Library)]
    internal static partial void* xdp_program__from_bpf_obj(bpf_object* obj, byte* section_name);

    /// <summary>Where it runs among others: the smaller number first.</summary>
    [LibraryImport(Library)]
    internal static partial int xdp_program__set_run_prio(void* xdp_prog, uint run_prio);

    /// <summary>Loads the program, and a dispatcher that has it beside those that are attached.</summary>
    [LibraryImport(Library)]
    internal static partial int xdp_program__attach(void* xdp_prog, int ifindex, int mode, uint flags);

    /// <summary>Puts a dispatcher without the program in the place of the one that is there.</summary>
    [LibraryImport(Library)]
    internal static partial int xdp_program__detach(void* xdp_prog, int ifindex, int mode, uint flags);

    /// <summary>The kernel's id.</summary>
    [LibraryImport(Library)]
    internal static partial uint xdp_program__id(void* xdp_prog);

    /// <summary>Frees what the library holds; what is attached stays.</summary>
    [LibraryImport(Library)]
    internal static partial void xdp_program__close(void* xdp_prog);

    /// <summary>What is attached to an interface.</summary>
    [LibraryImport(Library)]
    internal static partial void* xdp_multiprog__get_from_ifindex(int ifindex);

    /// <summary>The next program, in the order in which they run; null for the end.</summary>
    [LibraryImport(Library)]
    internal static partial void* xdp_multiprog__next_prog(void* prog, void* mp);

    /// <summary>Whether it is no dispatcher but a program alone.</summary>
    [LibraryImport(Library)]
    internal static partial byte xdp_multiprog__is_legacy(void* mp);

    /// <summary>Frees what the library holds, its programs included.</summary>
    [LibraryImport(Library)]
    internal static partial void xdp_multiprog__close(void* mp);
}
