using System.Runtime.InteropServices;

namespace Datapath.Interop.Libc;

/// <summary><c>struct timespec</c> of time.h on 64-bit machines.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct Timespec
{
    public long Seconds;
    public long Nanoseconds;
}
