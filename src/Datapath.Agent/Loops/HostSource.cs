using Datapath.Backends.Host;

namespace Datapath.Agent.Loops;

/// <summary>Where the policy loop learns of interfaces and addresses.</summary>
/// <param name="Read">Looks now. May throw a <see cref="Datapath.Backends.BackendException"/> when the kernel refuses.</param>
/// <param name="Watch">
/// Calls the first back, on any thread, when something may have changed, and the second when nothing can be heard for now and why, until the
/// result is disposed.
/// </param>
internal sealed record HostSource(Func<HostSnapshot> Read, Func<Action, Action<string>, IDisposable> Watch);
