namespace Datapath.Bindgen.Model;

/// <summary>What was asked for cannot be generated; the message says which name and why.</summary>
/// <param name="message">A sentence.</param>
internal sealed class BindgenException(string message) : Exception(message);
