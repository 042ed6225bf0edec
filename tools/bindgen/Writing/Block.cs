namespace Datapath.Bindgen.Writing;

/// <summary>A piece of a generated file that stands for one thing of C: what a difference is reported by.</summary>
/// <param name="Subject">Such as <c>struct dp_event</c>.</param>
/// <param name="Text">Lines, each ended by a line feed.</param>
internal sealed record Block(string Subject, string Text);
