namespace Datapath.Policy.Explanation;

/// <summary>One thing that keeps a rule from deciding a connection.</summary>
/// <param name="Distance">How far from matching, from 1: what ranks near misses.</param>
/// <param name="Text">One sentence without a full stop.</param>
internal readonly record struct Lack(int Distance, string Text);
