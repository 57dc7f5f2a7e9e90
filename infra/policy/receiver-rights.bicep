// What the identity of the policy's assignment may do where Tether lives: name the function, the queue and the container
// as where events go (Azure asks for write access to what receives events: Learn, "Authorizing access to Event Grid
// resources"), and give a new topic its two rights there, and no other rights to anybody else.

@description('Name of the storage account')
param storageAccountName string

@description('Principal id of the assignment\'s identity')
param principalId string

@description('Id of the role definition receive-events')
param receiverRoleId string

var accessAdministrator = 'f58310d9-a9f6-439a-9e8d-f62e7b41a168' // Role Based Access Control Administrator
// Storage Blob Data Contributor and Storage Queue Data Message Sender.
var grantable = 'ba92f5b4-2d11-453d-a403-e96b0029c9fe, c6a89b2d-59bc-44d0-9896-0f6e12d7b80a'
var onlyThese = 'ForAnyOfAnyValues:GuidEquals {${grantable}}'
var onlyIdentities = 'ForAnyOfAnyValues:StringEqualsIgnoreCase {\'ServicePrincipal\'}'

resource account 'Microsoft.Storage/storageAccounts@2026-09-01' existing = {
  name: storageAccountName
}

resource receiver 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(resourceGroup().id, principalId, receiverRoleId)
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: receiverRoleId
  }
}

resource granter 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(account.id, principalId, accessAdministrator)
  scope: account
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', accessAdministrator)
    conditionVersion: '2.0'
    // Learn, "Delegate Azure role assignment management to others with conditions".
    condition: '((!(ActionMatches{\'Microsoft.Authorization/roleAssignments/write\'})) OR (@Request[Microsoft.Authorization/roleAssignments:RoleDefinitionId] ${onlyThese} AND @Request[Microsoft.Authorization/roleAssignments:PrincipalType] ${onlyIdentities})) AND ((!(ActionMatches{\'Microsoft.Authorization/roleAssignments/delete\'})) OR (@Resource[Microsoft.Authorization/roleAssignments:RoleDefinitionId] ${onlyThese} AND @Resource[Microsoft.Authorization/roleAssignments:PrincipalType] ${onlyIdentities}))'
  }
}
