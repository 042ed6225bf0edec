using System.Runtime.InteropServices;

namespace Datapath.Interop.Libc;

/// <summary>The part of <c>struct statfs</c> that tells file systems apart; 120 bytes on 64-bit Linux.</summary>
[StructLayout(LayoutKind.Explicit, Size = 120)]
internal struct Statfs
{
    [FieldOffset(0)]
    internal long Type;
}
