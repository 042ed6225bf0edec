namespace Datapath.Interop.Libc;

/// <summary>Who connected to a Unix socket.</summary>
/// <param name="ProcessId">In this process's pid namespace; 0 when it is not visible there.</param>
/// <param name="User">Its effective user; 0 for root.</param>
/// <param name="Group">Its effective group.</param>
public readonly record struct PeerCredentials(int ProcessId, uint User, uint Group);
