using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Datapath.Interop.Libc;

/// <summary>Who this process is, and who is at the other end of a socket.</summary>
public static unsafe class Credentials
{
    private const uint CapabilityVersion3 = 0x20080522;
    private const int PeerCredentialsOption = 17; // SO_PEERCRED
    private const int PeerGroupsOption = 59; // SO_PEERGROUPS, kernel 4.13

    // NGROUPS_MAX of linux/limits.h.
    private const int MostGroups = 65536;

    /// <summary>The user this process acts as; 0 for root.</summary>
    public static uint EffectiveUser => LibcApi.geteuid();

    /// <summary>The group this process acts as; 0 for root's.</summary>
    public static uint EffectiveGroup => LibcApi.getegid();

    /// <summary>Whether this thread may use a capability now.</summary>
    /// <param name="capability">Which.</param>
    /// <exception cref="KernelException">The kernel refused to say.</exception>
    public static bool Has(Capability capability)
    {
        // Header: version and thread (0: this one). Data: effective, permitted, inheritable; low words, then high words.
        uint* header = stackalloc uint[] { CapabilityVersion3, 0 };
        uint* sets = stackalloc uint[6];
        if (LibcApi.capget(header, sets) < 0)
        {
            throw new KernelException("ask for", "capabilities", Marshal.GetLastPInvokeError());
        }

        int bit = (int)capability;
        return (sets[bit / 32 * 3] >> (bit % 32) & 1) != 0;
    }

    /// <summary>The process at the other end of a Unix socket, as it was when it connected.</summary>
    /// <param name="socket">A connected Unix socket.</param>
    /// <exception cref="SocketException">Not a Unix socket.</exception>
    public static PeerCredentials Peer(Socket socket)
    {
        Span<int> credentials = stackalloc int[3];
        socket.GetRawSocketOption(LibcApi.SOL_SOCKET, PeerCredentialsOption, MemoryMarshal.AsBytes(credentials));
        return new PeerCredentials(credentials[0], (uint)credentials[1], (uint)credentials[2]);
    }

    /// <summary>The supplementary groups of that process, as they were when it connected.</summary>
    /// <param name="socket">A connected Unix socket.</param>
    /// <exception cref="SocketException">Not a Unix socket.</exception>
    public static uint[] PeerGroups(Socket socket)
    {
        byte[] groups = new byte[MostGroups * sizeof(uint)];
        int length = socket.GetRawSocketOption(LibcApi.SOL_SOCKET, PeerGroupsOption, groups);
        return MemoryMarshal.Cast<byte, uint>(groups.AsSpan(0, length)).ToArray();
    }
}
