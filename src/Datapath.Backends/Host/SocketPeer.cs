using System.Globalization;
using System.Net.Sockets;
using Datapath.Interop.Libc;

namespace Datapath.Backends.Host;

/// <summary>Who is at the other end of a Unix socket, as the kernel saw it connect.</summary>
/// <param name="ProcessId">In our pid namespace; 0 when it is not visible there.</param>
/// <param name="User">Its effective user.</param>
/// <param name="Group">Its effective group.</param>
/// <param name="IsOfOurGroup">Whether the group that we run as is among its groups.</param>
public sealed record SocketPeer(int ProcessId, uint User, uint Group, bool IsOfOurGroup)
{
    // What /proc/PID/loginuid has of a process that nobody logged in for.
    private const uint NoLogin = uint.MaxValue;

    /// <summary>Whether it may change something: it is root's, or of the user that we run as.</summary>
    public bool MayGiveOrders => User == 0 || User == Credentials.EffectiveUser;

    /// <summary>Whether it may ask: who may give orders, and the group.</summary>
    public bool MayAsk => MayGiveOrders || IsOfOurGroup;

    /// <summary>Name of its user in /etc/passwd; null for one that is not there.</summary>
    public string? UserName => NameOf(User);

    /// <summary>What it runs, as the kernel abbreviates it; null when it has ended.</summary>
    public string? Program => ReadOf("comm");

    /// <summary>Name or number of the user who logged in, whatever sudo made of them since; null when nobody did, or when it is not known.</summary>
    public string? LoginUser =>
        uint.TryParse(ReadOf("loginuid"), NumberStyles.None, CultureInfo.InvariantCulture, out uint login) && login != NoLogin
            ? NameOf(login) ?? login.ToString(CultureInfo.InvariantCulture)
            : null;

    /// <summary>Asks the kernel.</summary>
    /// <param name="socket">A connected Unix socket.</param>
    /// <exception cref="SocketException">Not a Unix socket.</exception>
    public static SocketPeer Of(Socket socket)
    {
        PeerCredentials peer = Credentials.Peer(socket);
        uint ours = Credentials.EffectiveGroup;
        return new SocketPeer(peer.ProcessId, peer.User, peer.Group, peer.Group == ours || Credentials.PeerGroups(socket).Contains(ours));
    }

    private static string? NameOf(uint user)
    {
        try
        {
            string number = user.ToString(CultureInfo.InvariantCulture);
            return File.ReadLines("/etc/passwd").Select(line => line.Split(':')).FirstOrDefault(fields => fields.Length > 2 && fields[2] == number)?[0];
        }
        catch (Exception refusal) when (refusal is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private string? ReadOf(string file)
    {
        try
        {
            return File.ReadAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/{ProcessId}/{file}")).Trim();
        }
        catch (Exception refusal) when (refusal is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
