namespace Datapath.Mutants;

/// <summary>A mutant says nothing about the tests: its file is malformed, its text is gone, or the tree does not build without it.</summary>
/// <param name="problem">One sentence.</param>
internal sealed class MutantException(string problem) : Exception(problem);
