namespace Datapath.Agent.Hosting;

/// <summary>The agent cannot have its socket: another one has it, or the place is not usable.</summary>
/// <param name="message">What was tried and why it failed.</param>
/// <param name="innerException">The refusal of the system, if it was one.</param>
internal sealed class ControlSocketException(string message, Exception? innerException = null) : Exception(message, innerException);
