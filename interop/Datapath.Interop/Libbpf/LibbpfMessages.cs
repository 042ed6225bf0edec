using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Datapath.Interop.Libc;
using Datapath.Interop.Libxdp;

namespace Datapath.Interop.Libbpf;

/// <summary>Keeps what libbpf would print on stderr, so that it ends in an exception instead.</summary>
/// <remarks>libbpf calls back on the thread that called it, so a list per thread needs no lock.</remarks>
internal static unsafe class LibbpfMessages
{
    private const int KeptMessages = 20;
    private const int LineBytes = 1024;

    [ThreadStatic]
    private static List<string>? _ofThisThread;

    /// <summary>Takes the place of libbpf's default, which prints warnings on a stderr that belongs to our caller.</summary>
    internal static void Capture() => LibbpfApi.libbpf_set_print(&OnPrint);

    /// <summary>The same of libxdp, which calls libbpf on the same thread.</summary>
    internal static void CaptureLibxdp() => LibxdpApi.libxdp_set_print(&OnPrint);

    /// <summary>Forgets what this thread collected.</summary>
    internal static void Clear() => _ofThisThread?.Clear();

    /// <summary>What libbpf said on this thread since the last <see cref="Clear"/>, one message a line.</summary>
    internal static string Collected() => _ofThisThread is null ? "" : string.Join(Environment.NewLine, _ofThisThread);

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int OnPrint(libbpf_print_level level, byte* format, void* arguments)
    {
        if (level != libbpf_print_level.LIBBPF_WARN)
        {
            return 0;
        }

        byte* line = stackalloc byte[LineBytes];
        int length = LibcApi.vsnprintf(line, LineBytes, format, arguments);
        List<string> messages = _ofThisThread ??= [];
        if (length > 0 && messages.Count < KeptMessages)
        {
            messages.Add("  " + Utf8Text.FromPointer(line).Trim());
        }

        return length;
    }
}
