namespace Datapath.Flows;

/// <summary>Who on this host sent a packet, or was refused to.</summary>
/// <param name="Id">Number of the process in the first PID namespace; 0 when only the cgroup is known.</param>
/// <param name="UserId">Number of its user in the first user namespace; of no meaning without a process.</param>
/// <param name="Command">Its name, up to 15 bytes, as it was then; empty when only the cgroup is known.</param>
/// <param name="Cgroup">Path of its cgroup below the root of the hierarchy; its number in decimal when it is gone.</param>
public sealed record FlowProcess(int Id, uint UserId, string Command, string Cgroup);
