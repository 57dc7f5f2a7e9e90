// A right to keep dead-letters: blobs of one container.

@description('Name of the storage account')
param storageAccountName string

@description('Name of the container')
param containerName string

@description('Principal id of the system topic')
param principalId string

// The least that Event Grid takes for dead-letters (Learn, "Dead-letter location with managed identity").
var blobContributor = 'ba92f5b4-2d11-453d-a403-e96b0029c9fe' // Storage Blob Data Contributor

resource container 'Microsoft.Storage/storageAccounts/blobServices/containers@2026-09-01' existing = {
  name: '${storageAccountName}/default/${containerName}'
}

resource assignment 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(container.id, principalId, blobContributor)
  scope: container
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', blobContributor)
  }
}
