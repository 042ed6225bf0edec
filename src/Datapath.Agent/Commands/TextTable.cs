using System.Collections.Immutable;
using System.Text;

namespace Datapath.Agent.Commands;

/// <summary>Rows under lower-case headers, columns two blanks apart, no blank at the end of a line.</summary>
/// <param name="headers">One for each column.</param>
/// <param name="rightAligned">Indexes of the columns of numbers.</param>
internal sealed class TextTable(ImmutableArray<string> headers, ImmutableArray<int> rightAligned)
{
    private readonly List<ImmutableArray<string>> _rows = [headers];

    /// <summary>Adds a row.</summary>
    /// <param name="cells">One for each column.</param>
    public void Add(ImmutableArray<string> cells) => _rows.Add(cells);

    /// <summary>The table; every line ends in a line feed.</summary>
    public string Render()
    {
        ImmutableArray<int> widths = [.. headers.Select((_, column) => _rows.Max(row => row[column].Length))];
        StringBuilder text = new();
        foreach (ImmutableArray<string> row in _rows)
        {
            IEnumerable<string> cells = row.Select(
                (cell, column) => rightAligned.Contains(column) ? cell.PadLeft(widths[column]) : cell.PadRight(widths[column])
            );
            text.Append(string.Join("  ", cells).TrimEnd()).Append('\n');
        }

        return text.ToString();
    }
}
