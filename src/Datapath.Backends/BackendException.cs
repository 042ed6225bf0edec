namespace Datapath.Backends;

/// <summary>The kernel, or a part of the system that a backend needs, said no. What was enforced before still is.</summary>
/// <param name="message">What was tried, on what, and the answer.</param>
/// <param name="innerException">The refusal itself.</param>
public sealed class BackendException(string message, Exception? innerException = null) : Exception(message, innerException);
