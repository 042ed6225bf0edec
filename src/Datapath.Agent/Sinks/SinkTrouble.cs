using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;

namespace Datapath.Agent.Sinks;

/// <summary>What may go wrong with the world behind a sink. Anything else is a bug.</summary>
internal static class SinkTrouble
{
    /// <summary>Whether a sink may fail so.</summary>
    /// <param name="trouble">What was thrown.</param>
    public static bool IsExpected(Exception trouble) =>
        trouble
            is IOException
                or SocketException
                or UnauthorizedAccessException
                or AuthenticationException
                or CryptographicException
                or TimeoutException
                or ObjectDisposedException;
}
