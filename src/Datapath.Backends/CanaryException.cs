namespace Datapath.Backends;

/// <summary>The tables in the kernel would judge a connection otherwise than the policy says: they were not put in force.</summary>
/// <param name="message">The connection, what was expected and what was seen.</param>
public sealed class CanaryException(string message) : Exception(message);
