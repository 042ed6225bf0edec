namespace Datapath.Lab.Networks;

/// <summary>The lab itself does not work: a command failed, a file does not read, the agent does not answer.</summary>
/// <param name="message">What failed, and what the system said.</param>
public sealed class LabException(string message) : Exception(message);
