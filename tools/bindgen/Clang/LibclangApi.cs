using System.Runtime.InteropServices;

namespace Datapath.Bindgen.Clang;

/// <summary>The part of libclang's C API that reading declarations takes (clang-c/Index.h). The names are C's.</summary>
/// <remarks>Structs of the API are passed by value and are ours to copy; strings are freed by <see cref="LibclangText"/>.</remarks>
internal static unsafe partial class LibclangApi
{
    private const string Library = "libclang";

    static LibclangApi() => NativeLibrary.SetDllImportResolver(typeof(LibclangApi).Assembly, (name, _, _) => LibclangLocation.Resolve(name));

    [LibraryImport(Library)]
    internal static partial void* clang_createIndex(int excludeDeclarationsFromPch, int displayDiagnostics);

    [LibraryImport(Library)]
    internal static partial void clang_disposeIndex(void* index);

    [LibraryImport(Library)]
    internal static partial int clang_parseTranslationUnit2(void* index, byte* source, byte** arguments, int argumentCount, CXUnsavedFile* unsavedFiles, uint unsavedFileCount, uint options, void** unit);

    [LibraryImport(Library)]
    internal static partial void clang_disposeTranslationUnit(void* unit);

    [LibraryImport(Library)]
    internal static partial uint clang_getNumDiagnostics(void* unit);

    [LibraryImport(Library)]
    internal static partial void* clang_getDiagnostic(void* unit, uint index);

    [LibraryImport(Library)]
    internal static partial int clang_getDiagnosticSeverity(void* diagnostic);

    [LibraryImport(Library)]
    internal static partial CXString clang_formatDiagnostic(void* diagnostic, uint options);

    [LibraryImport(Library)]
    internal static partial void clang_disposeDiagnostic(void* diagnostic);

    [LibraryImport(Library)]
    internal static partial byte* clang_getCString(CXString text);

    [LibraryImport(Library)]
    internal static partial void clang_disposeString(CXString text);

    [LibraryImport(Library)]
    internal static partial CXCursor clang_getTranslationUnitCursor(void* unit);

    [LibraryImport(Library)]
    internal static partial uint clang_visitChildren(CXCursor parent, delegate* unmanaged[Cdecl]<CXCursor, CXCursor, void*, int> visitor, void* data);

    [LibraryImport(Library)]
    internal static partial CXString clang_getCursorSpelling(CXCursor cursor);

    [LibraryImport(Library)]
    internal static partial CXSourceLocation clang_getCursorLocation(CXCursor cursor);

    [LibraryImport(Library)]
    internal static partial void clang_getFileLocation(CXSourceLocation location, void** file, uint* line, uint* column, uint* offset);

    [LibraryImport(Library)]
    internal static partial CXString clang_getFileName(void* file);

    [LibraryImport(Library)]
    internal static partial CXType clang_getCursorType(CXCursor cursor);

    [LibraryImport(Library)]
    internal static partial CXType clang_getCursorResultType(CXCursor cursor);

    [LibraryImport(Library)]
    internal static partial int clang_Cursor_getStorageClass(CXCursor cursor);

    [LibraryImport(Library)]
    internal static partial uint clang_Cursor_isAnonymous(CXCursor cursor);

    [LibraryImport(Library)]
    internal static partial uint clang_Cursor_isAnonymousRecordDecl(CXCursor cursor);

    [LibraryImport(Library)]
    internal static partial uint clang_Cursor_isFunctionInlined(CXCursor cursor);

    [LibraryImport(Library)]
    internal static partial CXCursor clang_getCursorDefinition(CXCursor cursor);

    [LibraryImport(Library)]
    internal static partial uint clang_isCursorDefinition(CXCursor cursor);

    [LibraryImport(Library)]
    internal static partial int clang_Cursor_getNumArguments(CXCursor cursor);

    [LibraryImport(Library)]
    internal static partial CXCursor clang_Cursor_getArgument(CXCursor cursor, uint index);

    [LibraryImport(Library)]
    internal static partial int clang_getFieldDeclBitWidth(CXCursor cursor);

    [LibraryImport(Library)]
    internal static partial uint clang_Cursor_isBitField(CXCursor cursor);

    [LibraryImport(Library)]
    internal static partial long clang_Type_getOffsetOf(CXType type, byte* field);

    [LibraryImport(Library)]
    internal static partial CXType clang_getEnumDeclIntegerType(CXCursor cursor);

    [LibraryImport(Library)]
    internal static partial long clang_getEnumConstantDeclValue(CXCursor cursor);

    [LibraryImport(Library)]
    internal static partial CXType clang_getCanonicalType(CXType type);

    [LibraryImport(Library)]
    internal static partial CXType clang_getPointeeType(CXType type);

    [LibraryImport(Library)]
    internal static partial CXType clang_getArrayElementType(CXType type);

    [LibraryImport(Library)]
    internal static partial long clang_getArraySize(CXType type);

    [LibraryImport(Library)]
    internal static partial CXCursor clang_getTypeDeclaration(CXType type);

    [LibraryImport(Library)]
    internal static partial CXString clang_getTypeSpelling(CXType type);

    [LibraryImport(Library)]
    internal static partial long clang_Type_getSizeOf(CXType type);

    [LibraryImport(Library)]
    internal static partial CXType clang_getResultType(CXType type);

    [LibraryImport(Library)]
    internal static partial int clang_getNumArgTypes(CXType type);

    [LibraryImport(Library)]
    internal static partial CXType clang_getArgType(CXType type, uint index);

    [LibraryImport(Library)]
    internal static partial CXSourceRange clang_getCursorExtent(CXCursor cursor);

    [LibraryImport(Library)]
    internal static partial void clang_tokenize(void* unit, CXSourceRange range, CXToken** tokens, uint* count);

    [LibraryImport(Library)]
    internal static partial CXString clang_getTokenSpelling(void* unit, CXToken token);

    [LibraryImport(Library)]
    internal static partial void clang_disposeTokens(void* unit, CXToken* tokens, uint count);
}
